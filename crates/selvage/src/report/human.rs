//! Findings for people, with the lines in question.

use std::fmt::Write as _;
use std::io::IsTerminal;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, Severity as Shade};
use selvage_model::finding::{Finding, Severity};

use super::excerpt::Excerpt;
use super::{counts, visible};
use crate::directory::Checked;

/// Beyond these, a number says how many there are more.
const MOST_SHOWN: usize = 200;

/// The findings with their lines, and a summary at the end.
pub(crate) fn write(checked: &Checked) -> String {
    let theme = if std::io::stdout().is_terminal() { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110);
    let mut text = String::new();
    // What stops it comes first: neither scrolled away by what does not, nor cut off behind it.
    let mut findings: Vec<&Finding> = checked.findings.iter().collect();
    findings.sort_by_key(|finding| match finding.severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Advice => 2,
    });
    for finding in findings.into_iter().take(MOST_SHOWN) {
        let source = checked.texts.get(finding.place.file.as_ref());
        if handler.render_report(&mut text, &Shown::new(finding, source.map(String::as_str))).is_err() {
            let _ = writeln!(text, "{}: {}", finding.code, visible(&finding.message, false));
        }
    }
    if checked.findings.len() > MOST_SHOWN {
        let _ = writeln!(text, "… and {} more; `--format json` has them all", checked.findings.len() - MOST_SHOWN);
    }
    let (errors, warnings, advice) = counts(&checked.findings);
    let manifests = counted(checked.manifests, "manifest");
    if checked.findings.is_empty() {
        let _ = write!(text, "{manifests}, no findings");
    } else {
        let counted = [(errors, "error"), (warnings, "warning"), (advice, "hint")].map(|(n, word)| counted(n, word));
        let _ = write!(text, "{manifests}: {}", counted.join(", "));
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
    excerpt: Option<Excerpt>,
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
        let excerpt = source.map(|source| Excerpt::around(source, &finding.place));
        if let Some(excerpt) = &excerpt {
            diagnostic = diagnostic.with_label(LabeledSpan::new(None, excerpt.word.0, excerpt.word.1));
        }
        Self { diagnostic, excerpt }
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
        self.excerpt.as_ref().map(|excerpt| excerpt as &dyn miette::SourceCode)
    }
}
