//! The web as a picture: a column for each layer, lines between them, what is done as a tooltip. It needs no script and nothing from
//! elsewhere; who points at a node sees its lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::layout;
use super::web::{Id, Layer, Node, Web};

const ROW: f64 = 46.0;
const BOX: f64 = 34.0;
const TOP: f64 = 64.0;
const SIDE: f64 = 24.0;
const GAP: f64 = 190.0;
/// How wide a character of a name and of a note is.
const WIDE: f64 = 8.4;
const NARROW: f64 = 6.0;
const PADDING: f64 = 12.0;

const STYLE: &str = "\
svg{font-family:system-ui,sans-serif;background:#fff}\
.layer{font-size:12px;fill:#5b6470;letter-spacing:.08em;text-transform:uppercase}\
.box{fill:#fff;stroke:#9aa4b1}.name{font-size:13px;font-weight:600;fill:#1c2733}.about{font-size:10px;fill:#5b6470}\
.consumer .box{fill:#eef4fb}.object .box{fill:#f3f0fa}.system .box{fill:#eef7f1}\
.tier-1 .box{stroke:#b3261e;stroke-width:2}.direct .box{stroke-dasharray:5 3}\
.deprecated,.retired,.blocked,.draft{opacity:.6}\
.line{fill:none;stroke:#7d8794;stroke-width:1.1;opacity:.5}.line:hover{stroke:#1f5fbf;stroke-width:2.5;opacity:1}\
.empty{font-size:14px;fill:#5b6470}";

/// Where a node stands.
#[derive(Clone, Copy)]
struct Spot {
    x: f64,
    y: f64,
    width: f64,
}

/// The picture.
pub(super) fn draw(web: &Web) -> String {
    let columns = layout::columns(web);
    let rows = columns.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
    let height = TOP + rows.max(1) as f64 * ROW + SIDE;
    let mut spots: BTreeMap<&Id, Spot> = BTreeMap::new();
    let mut heads = String::new();
    let mut x = SIDE;
    for (layer, nodes) in &columns {
        let width = nodes.iter().map(|id| width(id, web.nodes.get(id))).fold(90.0, f64::max);
        let _ = writeln!(heads, "<text class=\"layer\" x=\"{x:.0}\" y=\"34\">{}</text>", title(*layer, nodes.len()));
        // Columns with few nodes are spread over the height, so that lines stay short.
        let step = (height - TOP - SIDE) / nodes.len().max(1) as f64;
        for (index, id) in nodes.iter().enumerate() {
            let y = TOP + (index as f64 + 0.5) * step - BOX / 2.0;
            spots.insert(id, Spot { x, y, width });
        }
        x += width + GAP;
    }
    let total = (x - GAP + SIDE).max(320.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {total:.0} {height:.0}\" role=\"img\">\n\
         <title>Who uses what: {} nodes, {} lines</title>\n<style>{STYLE}{}</style>\n{heads}",
        web.nodes.len(),
        web.edges.len(),
        pointed(&spots),
    );
    if web.nodes.is_empty() {
        text.push_str("<text class=\"empty\" x=\"24\" y=\"80\">Nothing is declared that uses or is used.</text>\n");
    }
    lines(web, &spots, &mut text);
    for (id, spot) in &spots {
        boxed(id, web.nodes.get(*id), *spot, number(&spots, id), &mut text);
    }
    text.push_str("</svg>\n");
    text
}

/// Who points at a node sees its lines: a rule for each, since a picture has no script.
fn pointed(spots: &BTreeMap<&Id, Spot>) -> String {
    let mut rules = String::new();
    for number in 0..spots.len() {
        let _ = write!(rules, "svg:has(#n{number}:hover) .e{number}{{stroke:#1f5fbf;stroke-width:2.2;opacity:1}}");
    }
    rules
}

fn number(spots: &BTreeMap<&Id, Spot>, id: &Id) -> usize {
    spots.keys().position(|known| *known == id).unwrap_or(0)
}

fn lines(web: &Web, spots: &BTreeMap<&Id, Spot>, text: &mut String) {
    for ((from, to), what) in &web.edges {
        let (Some(begin), Some(end)) = (spots.get(from), spots.get(to)) else { continue };
        let (x1, y1) = (begin.x + begin.width, begin.y + BOX / 2.0);
        let (x2, y2) = (end.x, end.y + BOX / 2.0);
        let bend = ((x2 - x1) / 2.0).max(30.0);
        let what = what.iter().cloned().collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "<path class=\"line e{} e{}\" d=\"M{x1:.0} {y1:.0}C{:.0} {y1:.0} {:.0} {y2:.0} {x2:.0} {y2:.0}\"><title>{} → {}: {}</title></path>",
            number(spots, from),
            number(spots, to),
            x1 + bend,
            x2 - bend,
            escaped(&from.1),
            escaped(&to.1),
            escaped(&what),
        );
    }
}

fn boxed(id: &Id, node: Option<&Node>, spot: Spot, number: usize, text: &mut String) {
    let about = node.map(|node| node.about.as_str()).unwrap_or_default();
    let marks = node.map(|node| node.marks.join(" ")).unwrap_or_default();
    let _ = writeln!(
        text,
        "<g class=\"{} {marks}\" id=\"n{number}\"><rect class=\"box\" x=\"{:.0}\" y=\"{:.0}\" width=\"{:.0}\" height=\"{BOX:.0}\" rx=\"5\"/>\
         <text class=\"name\" x=\"{:.0}\" y=\"{:.0}\">{}</text><text class=\"about\" x=\"{:.0}\" y=\"{:.0}\">{}</text></g>",
        id.0.as_str(),
        spot.x,
        spot.y,
        spot.width,
        spot.x + PADDING,
        spot.y + 15.0,
        escaped(&id.1),
        spot.x + PADDING,
        spot.y + 28.0,
        escaped(about),
    );
}

fn title(layer: Layer, count: usize) -> String {
    let word = layer.as_str();
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

fn width(id: &Id, node: Option<&Node>) -> f64 {
    let about = node.map_or(0, |node| node.about.chars().count());
    (id.1.chars().count() as f64 * WIDE).max(about as f64 * NARROW) + 2.0 * PADDING
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
