//! A mail as it goes over the wire: headers, and plain text in short lines. The same bytes whenever it is written again. What is put into a
//! header stays in it.

use std::time::SystemTime;

use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};
use selvage_model::mail::MailAddress;

use super::Mail;

/// Lines end before this column, where words let them.
const COLUMNS: usize = 72;
/// The longest subject.
const MOST_SUBJECT: usize = 200;

/// A mail as it goes over the wire.
///
/// # Errors
/// In words, where it has no form.
pub(super) fn of(from: &MailAddress, mail: &Mail) -> Result<Vec<u8>, String> {
    let mailbox = |name: Option<&str>, address: &MailAddress| {
        let address = address.as_str().parse().map_err(|_| format!("`{address}` is no address"))?;
        Ok::<_, String>(Mailbox::new(name.map(str::to_owned), address))
    };
    // Nobody's absence is told to a machine (RFC 3834).
    let machine = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let message = Message::builder()
        .from(mailbox(Some("Selvage"), from)?)
        .to(mailbox(None, &mail.to)?)
        .subject(in_a_line(&mail.subject))
        .date(SystemTime::from(mail.written))
        .message_id(Some(format!("<{}@{}>", mail.id, from.domain())))
        .raw_header(machine)
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(broken(&mail.text))
        .map_err(|error| error.to_string())?;
    Ok(message.formatted())
}

/// In one line, whatever it holds.
fn in_a_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_control() || letter.is_whitespace());
    let mut line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.truncate(line.floor_char_boundary(MOST_SUBJECT));
    line
}

/// Broken into short lines between words; lines that were apart stay apart, and those that begin with a space are not broken.
fn broken(text: &str) -> String {
    let mut broken = String::new();
    for line in text.lines() {
        if line.starts_with(' ') {
            broken.push_str(line);
        } else {
            let mut column = 0;
            for word in line.split_whitespace() {
                let width = word.chars().count();
                if column > 0 {
                    let fits = column + 1 + width <= COLUMNS;
                    broken.push(if fits { ' ' } else { '\n' });
                    column = if fits { column + 1 } else { 0 };
                }
                broken.push_str(word);
                column += width;
            }
        }
        broken.push('\n');
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(subject: &str, text: &str) -> String {
        let mail = Mail {
            to: "plant-it@example.com".parse().unwrap(),
            id: "msg_1".to_owned(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            written: "2027-01-01T08:00:00Z".parse().unwrap(),
        };
        String::from_utf8(of(&"fabric@mail.example.com".parse().unwrap(), &mail).unwrap()).unwrap()
    }

    #[test]
    fn what_goes_over_the_wire() {
        let expected = [
            "From: Selvage <fabric@mail.example.com>",
            "To: plant-it@example.com",
            "Subject: stock@1 is deprecated",
            "Date: Fri, 01 Jan 2027 08:00:00 +0000",
            "Message-ID: <msg_1@mail.example.com>",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 7bit",
            "",
            "It ends.",
            "",
        ];
        let written = written("stock@1 is deprecated", "It ends.");
        let (mut lines, mut expected) = (written.split("\r\n").collect::<Vec<_>>(), expected.to_vec());
        lines.sort_unstable();
        expected.sort_unstable();
        assert_eq!(lines, expected, "{written}");
    }

    #[test]
    fn what_is_put_into_a_header_stays_in_it() {
        for subject in [
            "ends\r\nBcc: all@example.com",
            "ends\nBcc: all@example.com\n\nhello",
            "ends\r\n\r\n.\r\nMAIL FROM:<a@b>",
            "ends\u{85}Bcc: all@example.com",
            "ende é\r\nBcc: all@example.com",
            "\r\n\r\n",
        ] {
            let written = written(subject, "text");
            let head = written.split("\r\n\r\n").next().unwrap();
            let lines = head.split("\r\n");
            let starts = lines.filter(|line| !line.starts_with(' ')).map(|line| line.split(':').next().unwrap());
            let mut names: Vec<&str> = starts.collect();
            names.sort_unstable();
            let all = [
                "Auto-Submitted",
                "Content-Transfer-Encoding",
                "Content-Type",
                "Date",
                "From",
                "MIME-Version",
                "Message-ID",
                "Subject",
                "To",
            ];
            assert_eq!(names, all, "{subject:?}: {written}");
            assert!(!head.contains('\u{85}'), "{written}");
        }
        let long = written(&"x".repeat(5_000), "text");
        assert!(long.split("\r\n").all(|line| line.len() <= 998), "{long}");
    }

    #[test]
    fn lines_are_short_where_words_let_them() {
        let text = format!("{}\n\n  kept {}\n{}", "word ".repeat(100), "word ".repeat(20), "w".repeat(100));
        let lines: Vec<String> = broken(&text).lines().map(str::to_owned).collect();
        let last = lines.len() - 1;
        assert!(lines[..last - 1].iter().all(|line| line.chars().count() <= COLUMNS), "{lines:#?}");
        assert_eq!((lines[last].len(), lines[last - 1].len()), (100, "  kept ".len() + 100));
        assert_eq!(lines.iter().filter(|line| line.is_empty()).count(), 1);
        // One that cannot be broken, and letters beyond ASCII, are still lines that mail servers take.
        let written = written("é", &format!("{}\n{}", "é".repeat(600), ".".repeat(2_000)));
        assert!(written.is_ascii() && written.split("\r\n").all(|line| line.len() <= 998), "{written}");
    }
}
