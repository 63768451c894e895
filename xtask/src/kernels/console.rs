//! What a machine has said on its console, held against what was to be tried.

use super::CHECKS;

/// What is not as it must be: a test that failed or did not run, a `doctor` that misses something, an end that did not come.
pub(super) fn faults(console: &str) -> Vec<String> {
    let says = |line: &str| console.lines().any(|said| said.trim_end() == line);
    let mut faults = Vec::new();
    if !says("machine: portguard doctor: 0") {
        let missing = console.lines().filter(|line| line.starts_with("MISSING"));
        faults.push(missing.fold("`portguard doctor` is not content".to_owned(), |sum, line| {
            sum + "\n    " + line.trim_end()
        }));
    }
    for (file, names) in CHECKS {
        for name in names {
            if !says(&format!("test {name} ... ok")) {
                faults.push(format!("{file}: {name}: failed or did not run"));
            }
        }
        if !says(&format!("machine: {file}: 0")) {
            faults.push(format!("{file}: did not end well"));
        }
    }
    if !says("machine: done") {
        faults.push("the machine was off before it had come to the end".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::{CHECKS, faults};

    /// The console of a machine on which all went well.
    fn well() -> String {
        let mut console = "ok kernel\r\nmachine: portguard doctor: 0\r\n".to_owned();
        for (file, names) in CHECKS {
            console.extend(names.iter().map(|name| format!("test {name} ... ok\r\n")));
            console = format!("{console}machine: {file}: 0\r\n");
        }
        console + "machine: done\r\n"
    }

    #[test]
    fn a_console_without_fault_has_every_test_and_an_end() {
        assert_eq!(faults(&well()), Vec::<String>::new());
        for line in well().lines().skip(1) {
            assert_eq!(faults(&well().replace(line, "")).len(), 1, "without `{line}`");
        }
    }

    #[test]
    fn what_the_kernel_lacks_is_told() {
        let console = well()
            .replace("portguard doctor: 0", "portguard doctor: 1")
            .replace("ok kernel", "MISSING  links for XDP  none");
        assert_eq!(faults(&console), ["`portguard doctor` is not content\n    MISSING  links for XDP  none"]);
    }
}
