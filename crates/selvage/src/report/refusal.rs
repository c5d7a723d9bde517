//! A refusal as a person reads it on the command line: code, words, places. Nothing of the request is repeated.

use std::fmt::Write as _;

use selvage_model::problem::Problem;

use super::visible;

/// Several lines without the last line's end.
pub(crate) fn write(problem: &Problem) -> String {
    let mut text = format!("{}: {}", problem.code, visible(&problem.detail, true));
    for error in &problem.errors {
        let _ = write!(text, "\n  {}: {}", error.pointer, visible(&error.detail, false));
    }
    if let Some(seconds) = problem.retry_after {
        let _ = write!(text, "\n  again in {seconds} s");
    }
    let _ = write!(text, "\n  more: selvage explain {}", problem.code);
    text
}
