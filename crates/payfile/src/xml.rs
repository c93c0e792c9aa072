//! A small tree of a document, as much of XML as payment files use.
//!
//! No document type, no processing instructions, no CDATA; at most 16 levels deep.

use std::borrow::Cow;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::NsReader;

const DEPTH_MAX: usize = 16;

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Element {
    /// Name without prefix.
    pub(crate) name: String,
    /// Namespace, empty where there is none.
    pub(crate) namespace: String,
    /// Names and values, namespace declarations left out.
    pub(crate) attributes: Vec<(String, String)>,
    /// Text directly in it; for an element with children only white space.
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
    /// The line that its start tag ends on, from 1; 0 for the frame.
    pub(crate) line: u64,
}

impl Element {
    /// Children of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child of that name, trimmed; none where it is empty.
    pub(crate) fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.trim()).filter(|text| !text.is_empty())
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a document.
///
/// # Errors
/// A sentence on what is wrong with its form.
pub(crate) fn parse(xml: &str) -> Result<Element, String> {
    let mut reader = NsReader::from_str(xml);
    // The elements that are open, outermost first; the first one is a frame around the document.
    let mut open = vec![Element::default()];
    let mut lines = Lines { text: xml.as_bytes(), at: 0, line: 1 };
    loop {
        let event = reader.read_event().map_err(|error| format!("no XML: {error}"))?;
        let line = lines.to(reader.buffer_position());
        match event {
            Event::Start(start) => {
                if open.len() > DEPTH_MAX {
                    return Err(format!("elements are nested more than {DEPTH_MAX} deep"));
                }
                let element = element(&reader, &start, line)?;
                open.push(element);
            }
            Event::Empty(start) => {
                let element = element(&reader, &start, line)?;
                innermost(&mut open).children.push(element);
            }
            Event::End(_) => {
                let element = open.pop().expect("the reader pairs starts and ends");
                if !element.children.is_empty() && !element.text.trim().is_empty() {
                    return Err(format!("{} has both text and elements", element.name));
                }
                innermost(&mut open).children.push(element);
            }
            Event::Text(text) => innermost(&mut open).text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let name = reference.xml10_content();
                let resolved = match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(character) => Cow::Owned(character.to_string()),
                    None => quick_xml::escape::resolve_predefined_entity(&name)
                        .map(Cow::Borrowed)
                        .ok_or_else(|| format!("&{name}; is no entity of XML itself"))?,
                };
                innermost(&mut open).text.push_str(&resolved);
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::CData(_) => return Err("a CDATA section has no place in a payment file".into()),
            Event::PI(_) => return Err("a processing instruction has no place in a payment file".into()),
            Event::DocType(_) => return Err("a document type has no place in a payment file".into()),
            Event::Eof => break,
        }
    }
    let mut frame = open.pop().expect("the frame is never closed");
    if !open.is_empty() {
        return Err(format!("{} is not closed", frame.name));
    }
    if frame.children.len() != 1 || !frame.text.trim().is_empty() {
        return Err(format!("expected one element around everything, found {}", frame.children.len()));
    }
    Ok(frame.children.remove(0))
}

/// Counts lines as far as was read.
struct Lines<'x> {
    text: &'x [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn to(&mut self, position: u64) -> u64 {
        let end = usize::try_from(position).unwrap_or(usize::MAX).min(self.text.len());
        let read = self.text.get(self.at..end).unwrap_or_default();
        self.line += read.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.at = end.max(self.at);
        self.line
    }
}

fn innermost(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the frame is never closed")
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart<'_>, line: u64) -> Result<Element, String> {
    let (namespace, local_name) = reader.resolver().resolve_element(start.name());
    let namespace = match namespace {
        quick_xml::name::ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
        quick_xml::name::ResolveResult::Unbound => String::new(),
        quick_xml::name::ResolveResult::Unknown(prefix) => {
            return Err(format!("the prefix {prefix:?} is not declared"));
        }
    };
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
        attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element { name: local_name.as_ref().to_owned(), namespace, attributes, line, ..Element::default() })
}
