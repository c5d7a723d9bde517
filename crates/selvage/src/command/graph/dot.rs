//! The web for Graphviz: a rank for each layer.

use std::fmt::Write as _;

use super::web::{Id, Layer, Web};

/// The web as a `digraph`.
pub(super) fn draw(web: &Web) -> String {
    let mut text =
        String::from("digraph fabric {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    for layer in Layer::ALL {
        let nodes: Vec<&Id> = web.nodes.keys().filter(|id| id.0 == layer).collect();
        if nodes.is_empty() {
            continue;
        }
        text.push_str("  { rank=same;\n");
        for id in nodes {
            let about = web.nodes.get(id).map(|node| node.about.clone()).unwrap_or_default();
            let _ = writeln!(text, "    {} [label={}];", quoted(&name(id)), quoted(&format!("{}\\n{about}", id.1)));
        }
        text.push_str("  }\n");
    }
    for ((from, to), what) in &web.edges {
        let what = what.iter().cloned().collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {} -> {} [tooltip={}];", quoted(&name(from)), quoted(&name(to)), quoted(&what));
    }
    text.push_str("}\n");
    text
}

fn name(id: &Id) -> String {
    format!("{}:{}", id.0.as_str(), id.1)
}

/// A quoted string of the DOT language, in which `\n` breaks a line.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}
