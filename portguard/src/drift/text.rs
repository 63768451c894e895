//! Drift as people read it: what is odd first, what is only worth knowing after it.

use std::fmt;

use comfy_table::{ContentArrangement, Table, presets};

use super::{Drift, Loose, Mismatch, Silent, Socket, Undocumented};

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { undocumented, exposed, loopback_only, silent, loose, clients, listeners, unnamed } = self;
        let (expected, stock): (Vec<&Silent>, Vec<&Silent>) = silent.iter().partition(|rule| rule.expected);
        section(
            f,
            "Interfaces and pins that are not as loaded",
            loose.iter().flatten().map(|Loose { interface, says }| {
                [interface.clone(), says.clone(), String::new(), String::new()]
            }),
        )?;
        section(f, "Listeners that no document names", undocumented.iter().map(undocumented_cells))?;
        section(
            f,
            "Within the network's reach, at ports that are for this node itself",
            exposed.iter().map(mismatch_cells),
        )?;
        section(
            f,
            "On loopback only, at ports that are open to others",
            loopback_only.iter().map(mismatch_cells),
        )?;
        section(f, "Documented ports where nobody listens", expected.into_iter().map(silent_cells))?;
        section(
            f,
            "No fault: ranges to take ports from, and ports that nobody may reach, without a listener",
            stock.into_iter().map(silent_cells),
        )?;
        section(
            f,
            "No fault: UDP at ephemeral ports, where the node's own clients wait for answers",
            clients.iter().map(|socket| socket_cells(socket, String::new())),
        )?;
        let odd = undocumented.len() + exposed.len() + loopback_only.len();
        let missing = silent.iter().filter(|rule| rule.expected).count();
        writeln!(
            f,
            "{}, {odd} of them odd; {} without one",
            count(*listeners, "listener"),
            count(missing, "rule")
        )?;
        if *unnamed > 0 {
            writeln!(
                f,
                "The process of {} is not to be seen; root sees all but the kernel's own",
                count(*unnamed, "listener")
            )?;
        }
        Ok(())
    }
}

type Cells = [String; 4];

fn section(f: &mut fmt::Formatter<'_>, title: &str, rows: impl Iterator<Item = Cells>) -> fmt::Result {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(rows);
    if table.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}:\n")?;
    for line in table.lines() {
        writeln!(f, " {}", line.trim_end())?;
    }
    writeln!(f)
}

fn socket_cells(socket: &Socket, about: String) -> Cells {
    let Socket { port, addresses, processes } = socket;
    let processes: Vec<String> = processes.iter().map(ToString::to_string).collect();
    let processes = if processes.is_empty() { "-".to_owned() } else { processes.join(", ") };
    [port.clone(), addresses.join(", "), processes, about]
}

fn undocumented_cells(undocumented: &Undocumented) -> Cells {
    let Undocumented { socket, switched_off } = undocumented;
    socket_cells(socket, switched_off.join("\n"))
}

fn mismatch_cells(mismatch: &Mismatch) -> Cells {
    let Mismatch { socket, rules } = mismatch;
    socket_cells(socket, rules.join("\n"))
}

fn silent_cells(silent: &Silent) -> Cells {
    let Silent { ports, protocol, description, rule, expected: _ } = silent;
    [ports.clone(), protocol.clone(), description.clone(), rule.clone()]
}

fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
