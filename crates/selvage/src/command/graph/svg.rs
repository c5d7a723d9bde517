//! The web as a picture: a column for each layer, lines between them, what is done as a tooltip. It needs no script and nothing from
//! elsewhere; who points at a node sees its lines.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::layout::{self, Item, Layout};
use super::web::{Id, Layer, Node, Web};

const ROW: f64 = 46.0;
const BOX: f64 = 34.0;
/// What a line takes that leads past a column.
const PASSAGE: f64 = 16.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 64.0;
const SIDE: f64 = 28.0;
/// Between columns: more where many lines are to be told apart.
const GAP: f64 = 130.0;
const MOST_GAP: f64 = 240.0;
const GAP_PER_LINE: f64 = 1.6;
/// How wide a character of a name and of a note is.
const WIDE: f64 = 8.4;
const NARROW: f64 = 6.0;
const PADDING: f64 = 12.0;
/// How far apart lines end at a box, and on how much of its side.
const APART: f64 = 5.0;
const ENDS: f64 = BOX - 10.0;
/// In larger pictures only the lines themselves answer the pointer: a browser would look at a rule for each node.
const MOST_POINTED: usize = 500;

const STYLE: &str = "\
svg{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;background:#fff}\
.title{font-size:18px;font-weight:600;fill:#1c2733}.note{font-size:11px;fill:#5b6470}\
.layer{font-size:11px;font-weight:600;fill:#5b6470;letter-spacing:.08em;text-transform:uppercase}\
.box{fill:#fff;stroke:#9aa4b1}.name{font-size:13px;font-weight:600;fill:#1c2733}.about{font-size:10px;fill:#5b6470}\
.consumer .box{fill:#eaf2fb;stroke:#7fa3cc}.object .box{fill:#f2eefa;stroke:#a493c8}.system .box{fill:#eaf6ee;stroke:#7fb394}\
.tier-1 .box{stroke:#b3261e;stroke-width:2}.direct .box{stroke-dasharray:5 3}\
.deprecated,.retired,.blocked,.draft{opacity:.55}\
.line{fill:none;stroke:#6b7684;stroke-width:1.2;opacity:.55}.line.tier-1{stroke:#b3261e}.line.direct{stroke-dasharray:5 3}\
.line.deprecated,.line.retired,.line.blocked,.line.draft{opacity:.35}\
.line:hover{stroke:#1f5fbf;stroke-width:2.5;opacity:1}svg:has(.node:hover) .line{opacity:.12}\
.empty{font-size:14px;fill:#5b6470}";

/// What the marks mean, below the picture.
const LEGEND: &[(&str, &str)] = &[
    ("tier-1", "tier-1: stops a plant"),
    ("direct", "direct: the system's own interface"),
    ("draft", "not served, or on its way out"),
];

/// Where something stands: its left upper corner, and how wide it is.
#[derive(Clone, Copy, Default)]
struct Spot {
    x: f64,
    y: f64,
    width: f64,
}

/// Where everything stands.
struct Spots {
    /// Of the nodes, by their numbers.
    nodes: Vec<Spot>,
    /// Past which columns each line leads, by its number.
    passages: Vec<Vec<Spot>>,
    /// The columns' titles.
    heads: String,
    width: f64,
    height: f64,
}

/// The picture.
pub(super) fn draw(web: &Web) -> String {
    let layout = layout::of(web);
    let spots = Spots::of(web, &layout);
    let (width, height) = (spots.width, spots.height);
    let name = web.name.as_deref().unwrap_or("Fabric");
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n\
         <title>{}: who uses what</title>\n<style>{STYLE}{}</style>\n\
         <text class=\"title\" x=\"{SIDE}\" y=\"36\">{}</text>\n{}",
        escaped(name),
        pointed(&layout),
        escaped(name),
        spots.heads,
    );
    if web.nodes.is_empty() {
        text.push_str("<text class=\"empty\" x=\"28\" y=\"92\">Nothing is declared that uses or is used.</text>\n");
    }
    lines(web, &layout, &spots, &mut text);
    for (number, (id, spot)) in layout.nodes.iter().zip(&spots.nodes).enumerate() {
        boxed(id, web.nodes.get(*id), *spot, number, &mut text);
    }
    legend(web, height, &mut text);
    text.push_str("</svg>\n");
    text
}

impl Spots {
    fn of(web: &Web, layout: &Layout<'_>) -> Self {
        let room = |item: &Item| if matches!(item, Item::Node(_)) { ROW } else { PASSAGE };
        let tall = |items: &[Item]| items.iter().map(room).sum::<f64>();
        let most = layout.columns.iter().map(|(_, items)| tall(items)).fold(ROW, f64::max);
        let mut spots = Self {
            nodes: vec![Spot::default(); layout.nodes.len()],
            passages: vec![Vec::new(); layout.lines.len()],
            heads: String::new(),
            width: 0.0,
            height: TOP + most + BOTTOM,
        };
        let gap = (layout.lines.len() as f64 * GAP_PER_LINE).clamp(GAP, MOST_GAP);
        let mut x = SIDE;
        for (layer, items) in &layout.columns {
            let nodes = || items.iter().filter_map(|item| if let Item::Node(node) = item { Some(*node) } else { None });
            let ids = nodes().filter_map(|node| layout.nodes.get(node));
            let width = ids.map(|id| width(id, web.nodes.get(*id))).fold(100.0, f64::max);
            let title = title(*layer, nodes().count());
            let _ = writeln!(spots.heads, "<text class=\"layer\" x=\"{x:.0}\" y=\"68\">{title}</text>");
            // Columns with little in them are spread over the height, so that lines stay short.
            let spread = (most - tall(items)) / items.len().max(1) as f64;
            let mut top = TOP;
            for item in items {
                let tall = room(item) + spread;
                let middle = top + tall / 2.0;
                top += tall;
                match item {
                    Item::Node(node) => {
                        let spot = Spot { x, y: middle - BOX / 2.0, width };
                        spots.nodes.get_mut(*node).into_iter().for_each(|place| *place = spot);
                    }
                    Item::Passage(line) => {
                        let spot = Spot { x, y: middle, width };
                        spots.passages.get_mut(*line).into_iter().for_each(|passages| passages.push(spot));
                    }
                }
            }
            x += width + gap;
        }
        // The legend needs its width too.
        spots.width = (x - gap + SIDE).max(760.0);
        spots
    }

    /// Where each line begins and ends: spread over the side of a box, in the order of what they lead to.
    fn ends(&self, layout: &Layout<'_>) -> Vec<(f64, f64)> {
        let mut ends = vec![(0.0, 0.0); layout.lines.len()];
        for outgoing in [true, false] {
            let mut at: Vec<Vec<(f64, usize)>> = vec![Vec::new(); layout.nodes.len()];
            for (line, (from, to)) in layout.lines.iter().enumerate() {
                let (own, other) = if outgoing { (*from, *to) } else { (*to, *from) };
                let passages = self.passages.get(line).map(Vec::as_slice).unwrap_or_default();
                let next = if outgoing { passages.first() } else { passages.last() };
                let towards = next.map(|spot| spot.y).or_else(|| Some(self.nodes.get(other)?.y + BOX / 2.0));
                at.get_mut(own).into_iter().for_each(|at| at.push((towards.unwrap_or_default(), line)));
            }
            for (lines, spot) in at.iter_mut().zip(&self.nodes) {
                lines.sort_by(|one, other| one.0.total_cmp(&other.0).then_with(|| one.1.cmp(&other.1)));
                let between = lines.len().saturating_sub(1) as f64;
                let apart = if between > 0.0 { APART.min(ENDS / between) } else { 0.0 };
                for (index, (_, line)) in lines.iter().enumerate() {
                    let y = spot.y + BOX / 2.0 + (index as f64 - between / 2.0) * apart;
                    if let Some(end) = ends.get_mut(*line) {
                        *(if outgoing { &mut end.0 } else { &mut end.1 }) = y;
                    }
                }
            }
        }
        ends
    }
}

/// Who points at a node sees its lines: a rule for each, since a picture has no script.
fn pointed(layout: &Layout<'_>) -> String {
    let mut rules = String::new();
    if layout.nodes.len() <= MOST_POINTED {
        let ends: BTreeSet<usize> = layout.lines.iter().flat_map(|(from, to)| [*from, *to]).collect();
        for number in ends {
            let _ = write!(rules, "svg:has(#n{number}:hover) .e{number}{{stroke:#1f5fbf;stroke-width:2;opacity:1}}");
        }
    }
    rules
}

fn lines(web: &Web, layout: &Layout<'_>, spots: &Spots, text: &mut String) {
    let ends = spots.ends(layout);
    for (((line, (from, to)), what), (begin, end)) in layout.lines.iter().enumerate().zip(web.edges.values()).zip(ends)
    {
        let (Some(left), Some(right)) = (spots.nodes.get(*from), spots.nodes.get(*to)) else { continue };
        let (Some(id), Some(other)) = (layout.nodes.get(*from), layout.nodes.get(*to)) else { continue };
        let mut path = format!("M{:.0} {begin:.1}", left.x + left.width);
        let mut at = (left.x + left.width, begin);
        for spot in spots.passages.get(line).into_iter().flatten() {
            bend(&mut path, at, (spot.x, spot.y));
            at = (spot.x + spot.width, spot.y);
            let _ = write!(path, "H{:.0}", at.0);
        }
        bend(&mut path, at, (right.x, end));
        let what = what.iter().cloned().collect::<Vec<_>>().join(", ");
        let interface = [id, other].into_iter().find(|id| id.0 == Layer::Interface);
        let marks = interface.and_then(|id| web.nodes.get(*id)).map(|node| node.marks.join(" ")).unwrap_or_default();
        let _ = writeln!(
            text,
            "<path class=\"line e{from} e{to} {marks}\" d=\"{path}\"><title>{} → {}: {}</title></path>",
            escaped(&id.1),
            escaped(&other.1),
            escaped(&what),
        );
    }
}

fn bend(path: &mut String, from: (f64, f64), to: (f64, f64)) {
    let half = f64::midpoint(from.0, to.0);
    let _ = write!(path, "C{half:.0} {:.1} {half:.0} {:.1} {:.0} {:.1}", from.1, to.1, to.0, to.1);
}

fn boxed(id: &Id, node: Option<&Node>, spot: Spot, number: usize, text: &mut String) {
    let about = node.map(|node| node.about.as_str()).unwrap_or_default();
    let marks = node.map(|node| node.marks.join(" ")).unwrap_or_default();
    let _ = writeln!(
        text,
        "<g class=\"{} node {marks}\" id=\"n{number}\"><rect class=\"box\" x=\"{:.0}\" y=\"{:.1}\" width=\"{:.0}\" height=\"{BOX:.0}\" rx=\"5\"/>\
         <text class=\"name\" x=\"{:.0}\" y=\"{:.1}\">{}</text><text class=\"about\" x=\"{:.0}\" y=\"{:.1}\">{}</text></g>",
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

/// What the marks mean that are in the picture.
fn legend(web: &Web, height: f64, text: &mut String) {
    let out = ["draft", "deprecated", "retired", "blocked"];
    let (mut x, y) = (SIDE, height - 26.0);
    for (mark, about) in LEGEND {
        let means = |known: &&str| known == mark || (*mark == "draft" && out.contains(known));
        if !web.nodes.values().any(|node| node.marks.iter().any(means)) {
            continue;
        }
        let _ = writeln!(
            text,
            "<g class=\"{mark}\"><rect class=\"box\" x=\"{x:.0}\" y=\"{:.0}\" width=\"22\" height=\"14\" rx=\"3\"/></g>\
             <text class=\"note\" x=\"{:.0}\" y=\"{y:.0}\">{}</text>",
            y - 11.0,
            x + 30.0,
            escaped(about),
        );
        x += 30.0 + about.chars().count() as f64 * NARROW + 28.0;
    }
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn web(interfaces: usize) -> Web {
        let mut web = Web::default();
        let mut connect = |from: (Layer, String), to: (Layer, String)| {
            web.nodes.entry(from.clone()).or_default();
            web.nodes.entry(to.clone()).or_default();
            web.edges.entry((from, to)).or_default().insert("gets".to_owned());
        };
        for number in 0..interfaces {
            let interface = (Layer::Interface, format!("i{number}@1"));
            connect((Layer::Consumer, format!("c{}", number % 97)), interface.clone());
            let system = (Layer::System, format!("s{}", number % 7));
            match number % 5 {
                0 => connect(interface, system),
                _ => {
                    let object = (Layer::Object, format!("o{}@1", number % 211));
                    connect(interface, object.clone());
                    connect(object, system);
                }
            }
        }
        web
    }

    #[test]
    fn many_interfaces_take_no_more_time_each() {
        let began = Instant::now();
        let picture = draw(&web(20_000));
        // What goes through all nodes for each line takes minutes here.
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert_eq!(picture.matches("class=\"interface node").count(), 20_000);
    }

    #[test]
    fn lines_run_behind_no_box() {
        let web = web(60);
        let layout = layout::of(&web);
        let spots = Spots::of(&web, &layout);
        let passages: Vec<&Spot> = spots.passages.iter().flatten().collect();
        assert_eq!(passages.len(), 12);
        for passage in passages {
            let hidden =
                spots.nodes.iter().any(|spot| spot.x == passage.x && spot.y < passage.y && passage.y < spot.y + BOX);
            assert!(!hidden, "a line at {} {}", passage.x, passage.y);
        }
    }
}
