//! Findings for people, with the lines in question.

use std::fmt::Write as _;
use std::io::IsTerminal;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Severity as Shade};
use selvage_model::finding::{Finding, Severity};
use selvage_model::source::Place;

use super::{counts, visible};
use crate::directory::Checked;

/// Beyond these, a number says how many there are more.
const MOST_SHOWN: usize = 200;

/// The findings with their lines, and a summary at the end.
pub(crate) fn write(checked: &Checked) -> String {
    let theme = if std::io::stdout().is_terminal() { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110);
    let mut text = String::new();
    for finding in checked.findings.iter().take(MOST_SHOWN) {
        let source = checked.texts.get(finding.place.file.as_ref());
        if handler.render_report(&mut text, &Shown::new(finding, source.map(String::as_str))).is_err() {
            let _ = writeln!(text, "{}: {}", finding.code, visible(&finding.message, false));
        }
    }
    if checked.findings.len() > MOST_SHOWN {
        let _ = writeln!(text, "… and {} more; `--format json` has them all", checked.findings.len() - MOST_SHOWN);
    }
    let (errors, warnings, advice) = counts(&checked.findings);
    let manifests = checked.manifests;
    if checked.findings.is_empty() {
        let _ = write!(text, "{manifests} manifests, no findings");
    } else {
        let counted = [(errors, "error"), (warnings, "warning"), (advice, "hint")].map(|(n, word)| counted(n, word));
        let _ = write!(text, "{manifests} manifests: {}", counted.join(", "));
        text.push_str("\n`selvage explain CODE` says more about a code.");
    }
    text
}

fn counted(number: usize, word: &str) -> String {
    if number == 1 { format!("1 {word}") } else { format!("{number} {word}s") }
}

/// A finding as the library shows it.
#[derive(Debug)]
struct Shown {
    diagnostic: MietteDiagnostic,
    source: Option<NamedSource<String>>,
}

impl Shown {
    fn new(finding: &Finding, source: Option<&str>) -> Self {
        let shade = match finding.severity {
            Severity::Error => Shade::Error,
            Severity::Warning => Shade::Warning,
            Severity::Advice => Shade::Advice,
        };
        let message =
            if source.is_some() { finding.message.clone() } else { format!("{}: {}", finding.place, finding.message) };
        let message = visible(&message, false);
        let mut diagnostic = MietteDiagnostic::new(message).with_code(finding.code.as_str()).with_severity(shade);
        if let Some(fix) = &finding.fix {
            diagnostic = diagnostic.with_help(visible(fix, true));
        }
        let source = source.map(|source| visible(source, true));
        if let Some(source) = &source {
            let (offset, length) = word_at(source, &finding.place);
            diagnostic = diagnostic.with_label(LabeledSpan::new(None, offset, length));
        }
        let source = source.map(|text| NamedSource::new(visible(&finding.place.file, false), text));
        Self { diagnostic, source }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl std::error::Error for Shown {}

impl miette::Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.code()
    }
    fn severity(&self) -> Option<Shade> {
        self.diagnostic.severity()
    }
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.help()
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.diagnostic.labels()
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }
}

/// Byte offset and length of the word at a place.
fn word_at(text: &str, place: &Place) -> (usize, usize) {
    let mut offset = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if number + 1 == place.line as usize {
            let before: usize = line.chars().take(place.column.saturating_sub(1) as usize).map(char::len_utf8).sum();
            let rest = line.get(before..).unwrap_or_default();
            let length = rest.find([' ', ',', '\n', '\r', '}', ']']).unwrap_or(rest.len());
            return (offset + before, length);
        }
        offset += line.len();
    }
    (text.len(), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_a_place_is_found_in_bytes() {
        let text = "kind: Team\nname: été, x\n";
        for (line, column, expected) in [(1, 7, "Team"), (2, 7, "été"), (2, 12, "x"), (9, 1, "")] {
            let place = Place { file: "f".into(), line, column };
            let (offset, length) = word_at(text, &place);
            assert_eq!(&text[offset..offset + length], expected, "{line}:{column}");
        }
    }
}
