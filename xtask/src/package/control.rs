//! The texts by which Debian knows a package.

/// What is being packed.
pub(super) struct Released {
    pub(super) version: &'static str,
    pub(super) architecture: &'static str,
    /// In the form of mail.
    pub(super) date: String,
}

const MAINTAINER: &str = "The PortGuard maintainers <maintainers@portguard.invalid>";

/// `DEBIAN/control`. The binary is static: it depends on nothing but somebody who makes the group.
pub(super) fn control(released: &Released, installed_kib: u64) -> String {
    let Released { version, architecture, date: _ } = released;
    format!(
        "Package: portguard\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: {MAINTAINER}\n\
         Installed-Size: {installed_kib}\n\
         Depends: systemd | systemd-standalone-sysusers | adduser\n\
         Suggests: bpftool\n\
         Section: net\n\
         Priority: optional\n\
         Description: host firewall from the documented port matrices of clustered products\n \
         The manuals of clustered data systems say which ports a node needs and who\n \
         may reach each. PortGuard compiles those pages and the addresses of a site\n \
         into eBPF maps, and an XDP program lets in only the documented sources.\n \
         .\n \
         Installing it starts nothing and guards nothing. Removing it takes the filter\n \
         off the interfaces.\n"
    )
}

/// `changelog.gz`: Debian wants its own form; what changed is in CHANGELOG.md beside it.
pub(super) fn changelog(released: &Released) -> String {
    let Released { version, architecture: _, date } = released;
    format!(
        "portguard ({version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- {MAINTAINER}  {date}\n"
    )
}

/// `copyright`, in the form that programs read.
pub(super) fn copyright(mit: &str) -> String {
    let text: String = mit
        .lines()
        .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    format!(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\
         Upstream-Name: portguard\n\n\
         Files: *\n\
         Copyright: The PortGuard authors\n\
         License: Apache-2.0 or MIT\n\n\
         License: Apache-2.0\n On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.\n\n\
         License: MIT\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::{Released, changelog, control, copyright};

    fn released() -> Released {
        Released {
            version: "1.2.3",
            architecture: "amd64",
            date: "Fri, 20 Nov 2026 10:00:00 +0000".to_owned(),
        }
    }

    #[test]
    fn each_line_of_the_control_file_is_a_field_or_goes_on_with_one() {
        let text = control(&released(), 12);
        for line in text.lines() {
            let is_field = line.split_once(": ").is_some_and(|(name, _)| !name.contains(' '));
            assert!(is_field || line.starts_with(' ') && line.len() > 1, "{line:?}");
        }
        assert!(
            text.contains("Version: 1.2.3\nArchitecture: amd64\n") && text.contains("Installed-Size: 12\n")
        );
    }

    #[test]
    fn the_changelog_ends_with_the_date_after_two_spaces() {
        assert!(changelog(&released()).ends_with(">  Fri, 20 Nov 2026 10:00:00 +0000\n"));
    }

    #[test]
    fn an_empty_line_of_the_licence_is_a_dot() {
        assert!(copyright("One\n\nTwo\n").ends_with("License: MIT\n One\n .\n Two\n"));
    }
}
