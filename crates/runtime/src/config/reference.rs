//! Help and reference page, made from the table of settings.

use std::fmt::Write;

use super::keys::{KEYS, KeySpec};

/// The settings as text for `--help`: flag, default, what it does.
#[must_use]
pub fn help() -> String {
    let width = KEYS.iter().map(|spec| spec.flag_name().len()).max().unwrap_or(0);
    let mut text = String::new();
    for spec in KEYS {
        let line =
            format!("  {:width$}  {} [default: {}]\n", spec.flag_name(), spec.doc, spec.default_shown());
        text.push_str(&line);
    }
    text
}

/// The settings as a page in Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Settings\n\n\
         Read from the TOML file, then the environment, then flags; later wins. An unknown key in the file, or an\n\
         unknown variable that starts with `HOPLINE_`, stops the start. `hopline config check` shows what is in\n\
         force and where each value came from.\n",
    );
    let mut section = None;
    for spec in KEYS {
        let own = spec.name.split_once('.').map_or("", |(section, _)| section);
        if section != Some(own) {
            section = Some(own);
            let title = if own.is_empty() { "Top of the file".to_owned() } else { format!("`[{own}]`") };
            page.push_str(&format!("\n## {title}\n"));
        }
        entry(&mut page, spec);
    }
    page
}

fn entry(page: &mut String, spec: &KeySpec) {
    let written = write!(
        page,
        "\n### `{}`\n\n{}\n\nTakes {}. Default: `{}`. Environment: `{}`. Flag: `{}`.\n",
        spec.name,
        spec.doc,
        spec.kind.expected(),
        spec.default_shown(),
        spec.env_name(),
        spec.flag_name(),
    );
    written.expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_and_reference_name_every_setting() {
        let (help, page) = (help(), reference_page());
        for spec in KEYS {
            assert!(help.contains(&spec.flag_name()), "{}", spec.name);
            assert!(page.contains(&spec.env_name()), "{}", spec.name);
            assert!(spec.doc.ends_with('.'), "{}", spec.name);
        }
    }
}
