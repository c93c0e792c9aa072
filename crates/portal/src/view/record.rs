//! A JSON document as nested lists for reading.

use serde_json::Value;

/// Documents nested deeper are cut there.
const DEPTH_MAX: usize = 16;

/// HTML of the document; every text in it is escaped.
pub(crate) fn html(document: &Value) -> String {
    let mut out = String::new();
    write(document, DEPTH_MAX, &mut out);
    out
}

fn write(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Object(_) | Value::Array(_) if depth == 0 => out.push('…'),
        Value::Object(fields) => {
            out.push_str("<ul>");
            for (name, field) in fields {
                out.push_str("<li><b>");
                escape(&name.replace('_', " "), out);
                out.push_str("</b> ");
                write(field, depth - 1, out);
                out.push_str("</li>");
            }
            out.push_str("</ul>");
        }
        Value::Array(items) if items.is_empty() => out.push('–'),
        Value::Array(items) => {
            out.push_str("<ul>");
            for item in items {
                out.push_str("<li>");
                write(item, depth - 1, out);
                out.push_str("</li>");
            }
            out.push_str("</ul>");
        }
        Value::Null => out.push('–'),
        Value::String(text) => {
            out.push_str("<code>");
            escape(text, out);
            out.push_str("</code>");
        }
        Value::Bool(_) | Value::Number(_) => {
            out.push_str("<code>");
            out.push_str(&value.to_string());
            out.push_str("</code>");
        }
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_text_of_a_record_is_escaped_names_too() {
        let html = html(&json!({"<b>": ["<script>alert('x')</script>", null, 1, {"a_b": true}]}));
        assert_eq!(
            html,
            "<ul><li><b>&lt;b&gt;</b> <ul><li><code>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</code></li>\
             <li>–</li><li><code>1</code></li><li><ul><li><b>a b</b> <code>true</code></li></ul></li></ul></li></ul>"
        );
    }

    #[test]
    fn a_record_without_end_is_cut() {
        let mut deep = json!("end");
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(html(&deep).contains('…'));
    }
}
