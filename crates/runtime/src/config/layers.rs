//! Puts the layers over each other: defaults, file, environment, flags; later wins.
//!
//! Every value of every layer is checked, also one that a later layer covers: a wrong file is wrong even
//! while a flag hides it. Nothing stops at the first complaint.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::{Complaint, Source};
use super::keys::{self, DefaultValue, ENV_PREFIX, KEYS, KeySpec, Kind};
use super::value::{self, Value};
use super::{ConfigFile, Inputs};

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) value: Value,
    pub(super) source: Source,
}

/// What came out of all layers.
#[derive(Debug, Default)]
pub(super) struct Layers {
    values: BTreeMap<&'static str, Resolved>,
    /// Keys with a wrong value in some layer; what stands in for it must not cause further complaints.
    broken: BTreeSet<&'static str>,
    pub(super) complaints: Vec<Complaint>,
}

impl Layers {
    pub(super) fn read(inputs: &Inputs) -> Self {
        let mut layers = Self::default();
        layers.read_defaults();
        if let Some(file) = &inputs.file {
            layers.read_file(file);
        }
        layers.read_environment(&inputs.env);
        layers.read_flags(&inputs.flags);
        layers.derive();
        layers
    }

    /// The value in force. Every key of the table has one.
    pub(super) fn get(&self, name: &str) -> &Resolved {
        self.values.get(name).expect("every key of the table has a value, if only its default")
    }

    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(name)
    }

    fn read_defaults(&mut self) {
        for spec in KEYS {
            let value = match spec.default {
                DefaultValue::Is(text) => value::parse(spec.kind, text).expect("defaults fit their kind"),
                DefaultValue::ByStore { local, .. } => {
                    value::parse(spec.kind, local).expect("defaults fit their kind")
                }
                DefaultValue::Unset | DefaultValue::UrlOf(_) => Value::Unset,
            };
            self.values.insert(spec.name, Resolved { value, source: Source::Default });
        }
    }

    fn read_environment(&mut self, env: &BTreeMap<String, String>) {
        for (name, text) in env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)) {
            let source = Source::Environment { variable: name.clone() };
            match KEYS.iter().find(|spec| spec.env_name() == *name) {
                Some(spec) => self.set_text(spec, text, source),
                None => {
                    let guess = name.trim_start_matches(ENV_PREFIX).to_lowercase();
                    let near = keys::nearest(&guess.replacen('_', ".", 1)).or_else(|| keys::nearest(&guess));
                    let near = near.and_then(keys::find).map(KeySpec::env_name);
                    self.unknown(name, source, "environment variable", near.as_deref());
                }
            }
        }
    }

    fn read_flags(&mut self, flags: &BTreeMap<String, String>) {
        for (name, text) in flags {
            match keys::find(name) {
                Some(spec) => self.set_text(spec, text, Source::Flag { flag: spec.flag_name() }),
                None => {
                    let source = Source::Flag { flag: format!("--{name}") };
                    self.unknown(name, source, "key", keys::nearest(name));
                }
            }
        }
    }

    fn read_file(&mut self, file: &ConfigFile) {
        let (table, errors) = DeTable::parse_recoverable(&file.text);
        if errors.is_empty() {
            self.read_table(file, "", table.get_ref());
            return;
        }
        for error in errors {
            let source = file_source(file, &error.span().unwrap_or(0..0));
            self.complaints.push(Complaint::of_source(source, error.message().to_owned()));
        }
    }

    fn read_table(&mut self, file: &ConfigFile, section: &str, table: &DeTable<'_>) {
        // The parser sorts by name; complaints shall come in the order of the file.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let name = if section.is_empty() {
                key.get_ref().to_string()
            } else {
                format!("{section}.{}", key.get_ref())
            };
            let source = file_source(file, &key.span());
            match (keys::find(&name), value.get_ref()) {
                (Some(spec), _) => self.set_from_file(spec, file, value, source),
                (None, DeValue::Table(inner)) if is_section(&name) => self.read_table(file, &name, inner),
                (None, DeValue::Table(_)) => self.unknown(&name, source, "section", None),
                (None, _) => self.unknown(&name, source, "key", keys::nearest(&name)),
            }
        }
    }

    fn set_from_file(
        &mut self,
        spec: &'static KeySpec,
        file: &ConfigFile,
        value: &Spanned<DeValue<'_>>,
        source: Source,
    ) {
        let wrong = |type_name: &str| Err(format!("expected {}, not {type_name}", spec.kind.expected()));
        let read = match (spec.kind, value.get_ref()) {
            (Kind::Count(..), DeValue::Integer(number)) => {
                match u64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(count) => value::parse(spec.kind, &count.to_string()),
                    Err(_) => value::parse(spec.kind, &number.to_string()),
                }
            }
            (Kind::Switch, DeValue::Boolean(on)) => Ok(Value::Switch(*on)),
            (Kind::Cidrs, DeValue::Array(items)) => {
                return self.set_networks(spec, file, items.iter(), source);
            }
            (Kind::Count(..) | Kind::Switch | Kind::Cidrs, other) => wrong(type_name(other)),
            (_, DeValue::String(text)) => return self.set_text(spec, text, source),
            (_, other) => wrong(type_name(other)),
        };
        self.set(spec, read, source);
    }

    /// Each entry of the list is complained about on its own line.
    fn set_networks<'v, 'i: 'v>(
        &mut self,
        spec: &'static KeySpec,
        file: &ConfigFile,
        items: impl Iterator<Item = &'v Spanned<DeValue<'i>>>,
        source: Source,
    ) {
        let mut networks = Vec::new();
        for item in items {
            let read = match item.get_ref() {
                DeValue::String(text) => text.parse().map_err(|error: super::CidrError| error.to_string()),
                other => Err(format!("expected {}, not {}", spec.kind.expected(), type_name(other))),
            };
            match read {
                Ok(network) => networks.push(network),
                Err(message) => self.set(spec, Err(message), file_source(file, &item.span())),
            }
        }
        self.set(spec, Ok(Value::Cidrs(networks)), source);
    }

    /// Empty text takes an optional setting back to "not set".
    fn set_text(&mut self, spec: &'static KeySpec, text: &str, source: Source) {
        let is_cleared = text.trim().is_empty() && spec.default == DefaultValue::Unset;
        let read = if is_cleared { Ok(Value::Unset) } else { value::parse(spec.kind, text) };
        self.set(spec, read, source);
    }

    fn set(&mut self, spec: &'static KeySpec, read: Result<Value, String>, source: Source) {
        match read {
            Ok(value) => {
                self.values.insert(spec.name, Resolved { value, source });
            }
            Err(message) => {
                self.broken.insert(spec.name);
                self.complaints.push(Complaint::of_key(spec.name, source, message));
            }
        }
    }

    fn unknown(&mut self, name: &str, source: Source, what: &str, near: Option<&str>) {
        let message = match near {
            Some(near) => format!("unknown {what}; did you mean {near}?"),
            None => format!("unknown {what}"),
        };
        self.complaints.push(Complaint::of_key(name, source, message));
    }

    fn derive(&mut self) {
        for spec in KEYS {
            if self.get(spec.name).source != Source::Default {
                continue;
            }
            let (value, from) = match spec.default {
                DefaultValue::UrlOf(origin) => match &self.get(origin).value {
                    Value::Address(address) => (Value::Text(super::url_of(*address)), origin),
                    _ => continue,
                },
                DefaultValue::ByStore { key, server, .. } => match &self.get(key).value {
                    Value::Store(_) => {
                        (value::parse(spec.kind, server).expect("defaults fit their kind"), key)
                    }
                    _ => continue,
                },
                DefaultValue::Is(_) | DefaultValue::Unset => continue,
            };
            self.values.insert(spec.name, Resolved { value, source: Source::Derived { from } });
        }
    }
}

fn is_section(name: &str) -> bool {
    KEYS.iter().any(|spec| spec.name.split_once('.').is_some_and(|(section, _)| section == name))
}

fn file_source(file: &ConfigFile, span: &Range<usize>) -> Source {
    let line = 1 + file.text.bytes().take(span.start).filter(|byte| *byte == b'\n').count();
    Source::File { name: file.name.clone(), line }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
