//! The bytes of a body beside what a glance knows of its schema. As strict as the reading of bodies itself: what that would refuse
//! is not sure here.

use memchr::memchr2;
use serde_json::Value;

use super::{Glance, Kinds, Node, Rules};
use crate::json;

/// How deep it looks; bodies may be deeper.
const DEEPEST: usize = 100;
/// Members of one object that the schema does not name.
const MOST_OTHERS: usize = 64;

/// Where a body surely fits: which of the root's members it has, by bits.
pub(super) fn seen(glance: &Glance, body: &[u8]) -> Option<u64> {
    // Then every part between quotes is text, too.
    let body = std::str::from_utf8(body).ok()?;
    let mut scan = Scan { nodes: &glance.nodes, rest: body.as_bytes(), others: Vec::new(), top: 0 };
    scan.value(glance.nodes.get(glance.root)?, DEEPEST)?;
    scan.blank();
    scan.rest.is_empty().then_some(scan.top)
}

struct Scan<'g, 'b> {
    nodes: &'g [Node],
    rest: &'b [u8],
    /// Members of the objects around that the schema does not name.
    others: Vec<&'b [u8]>,
    /// Members that the object around all has, by bits.
    top: u64,
}

/// What stands between quotes.
struct Text<'b> {
    raw: &'b [u8],
    /// It stands for itself: nothing is escaped.
    plain: bool,
}

/// Each of these leaves `rest` behind what it read, and is nothing where it is not sure.
impl<'b> Scan<'_, 'b> {
    fn value(&mut self, node: &Node, deep: usize) -> Option<()> {
        let rules = match node {
            Node::Anything => None,
            Node::Rules(rules) => Some(&**rules),
            Node::Unsure => return None,
        };
        self.blank();
        let begin = self.rest;
        let has = |kinds: Kinds| rules.is_none_or(|rules| rules.kinds.has(kinds)).then_some(());
        match begin.first()? {
            b'"' => {
                has(Kinds::STRING)?;
                self.past(1)?;
                let text = self.text()?;
                rules.is_none_or(|rules| text.fits(rules)).then_some(())
            }
            b'{' => {
                has(Kinds::OBJECT)?;
                self.past(1)?;
                self.object(rules, deep.checked_sub(1)?)
            }
            b'[' => {
                has(Kinds::ARRAY)?;
                self.past(1)?;
                self.list(rules, deep.checked_sub(1)?)
            }
            b't' => has(Kinds::BOOLEAN).and_then(|()| self.word(b"true")),
            b'f' => has(Kinds::BOOLEAN).and_then(|()| self.word(b"false")),
            b'n' => {
                has(Kinds::NULL)?;
                self.word(b"null")?;
                let asked = rules.and_then(|rules| rules.asked.as_ref());
                asked.is_none_or(|schema| schema.fits(&Value::Null)).then_some(())
            }
            _ => {
                let whole = self.whole()?;
                has(if whole.is_some() { Kinds::INTEGER } else { Kinds::NUMBER })?;
                rules.is_none_or(|rules| is_between(whole, rules.number)).then_some(())
            }
        }
    }

    fn object(&mut self, rules: Option<&Rules>, deep: usize) -> Option<()> {
        let (outer, mut seen, mut next) = (self.others.len(), 0_u64, 0);
        let mut first = true;
        loop {
            self.blank();
            match self.byte()? {
                b'}' if first => break,
                b'"' => {}
                _ => return None,
            }
            first = false;
            let name = self.text()?;
            if !name.plain {
                return None;
            }
            let known = rules.and_then(|rules| place(rules, name.raw, next));
            let node = match (known, rules) {
                (Some((place, node)), _) => {
                    let bit = 1_u64.checked_shl(u32::try_from(place).ok()?)?;
                    if seen & bit != 0 {
                        return None;
                    }
                    (seen, next) = (seen | bit, place + 1);
                    self.nodes.get(node)?
                }
                (None, Some(rules)) => {
                    let node = rules.others?;
                    self.other(outer, name.raw)?;
                    self.nodes.get(node)?
                }
                (None, None) => {
                    self.other(outer, name.raw)?;
                    &Node::Anything
                }
            };
            self.blank();
            if self.byte()? != b':' {
                return None;
            }
            self.value(node, deep)?;
            self.blank();
            match self.byte()? {
                b',' => {}
                b'}' => break,
                _ => return None,
            }
        }
        self.others.truncate(outer);
        if deep + 1 == DEEPEST {
            self.top = seen;
        }
        let required = rules.map_or(0, |rules| rules.required);
        (seen & required == required).then_some(())
    }

    /// Takes note of a member that the schema does not name: none may stand twice.
    fn other(&mut self, outer: usize, name: &'b [u8]) -> Option<()> {
        let known = self.others.get(outer..)?;
        if known.len() >= MOST_OTHERS || known.contains(&name) || name == json::NUMBER.as_bytes() {
            return None;
        }
        self.others.push(name);
        Some(())
    }

    fn list(&mut self, rules: Option<&Rules>, deep: usize) -> Option<()> {
        let node = match rules.and_then(|rules| rules.items) {
            Some(items) => self.nodes.get(items)?,
            None => &Node::Anything,
        };
        let mut count = 0;
        self.blank();
        if self.rest.first() == Some(&b']') {
            self.past(1)?;
        } else {
            loop {
                self.value(node, deep)?;
                count += 1;
                self.blank();
                match self.byte()? {
                    b',' => {}
                    b']' => break,
                    _ => return None,
                }
            }
        }
        rules.is_none_or(|rules| rules.count.hold(count)).then_some(())
    }

    /// A text behind its first quote.
    fn text(&mut self) -> Option<Text<'b>> {
        let (begin, mut length, mut plain) = (self.rest, 0, true);
        loop {
            length += ordinary(begin.get(length..)?);
            match begin.get(length)? {
                b'"' => break,
                b'\\' => {
                    plain = false;
                    length += escape(begin.get(length + 1..)?)?;
                }
                _ => return None,
            }
        }
        self.rest = begin.get(length + 1..)?;
        Some(Text { raw: begin.get(..length)?, plain })
    }

    /// A number; its value where it is a whole one of so few digits that it is known.
    #[expect(clippy::option_option, reason = "a number or not, and then a whole one or not")]
    fn whole(&mut self) -> Option<Option<i64>> {
        let negative = self.rest.first() == Some(&b'-');
        self.past(usize::from(negative))?;
        let digits = self.digits()?;
        if digits.len() > 1 && digits.first() == Some(&b'0') {
            return None;
        }
        let mut whole = (digits.len() <= 18 && !(negative && digits == b"0")).then(|| {
            let value = digits.iter().fold(0_i64, |value, digit| value * 10 + i64::from(digit - b'0'));
            if negative { -value } else { value }
        });
        if self.rest.first() == Some(&b'.') {
            self.past(1)?;
            self.digits()?;
            whole = None;
        }
        if let Some(b'e' | b'E') = self.rest.first() {
            self.past(1)?;
            if let Some(b'+' | b'-') = self.rest.first() {
                self.past(1)?;
            }
            self.digits()?;
            whole = None;
        }
        Some(whole)
    }

    fn digits(&mut self) -> Option<&'b [u8]> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        (count > 0).then_some(digits)
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn past(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    fn blank(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }
}

impl Text<'_> {
    fn fits(&self, rules: &Rules) -> bool {
        let Some(plain) = self.plain.then_some(self.raw).map(std::str::from_utf8) else {
            // What is escaped has at most as many characters as it has bytes, and one for six of them at least.
            let fewest = self.raw.len() / 6;
            return rules.texts.is_none()
                && rules.asked.is_none()
                && rules.length.0 <= fewest
                && self.raw.len() <= rules.length.1;
        };
        let Ok(text) = plain else { return false };
        // Characters are counted only where bytes do not tell.
        let (least, most) = (rules.length.0, rules.length.1);
        let long = (least == 0 && text.len() <= most) || rules.length.hold(text.chars().count());
        long && rules.texts.as_ref().is_none_or(|texts| texts.iter().any(|known| **known == *text))
            && rules.asked.as_ref().is_none_or(|schema| schema.fits(&Value::String(text.to_owned())))
    }
}

/// Where a member stands among those that the schema names, and its schema. Most come in the schema's order.
fn place(rules: &Rules, name: &[u8], next: usize) -> Option<(usize, usize)> {
    let is = |place: usize| rules.members.get(place).filter(|(known, _)| known.as_bytes() == name);
    let found = |place: usize| is(place).map(|(_, node)| (place, *node));
    found(next).or_else(|| (0..rules.members.len()).find_map(found))
}

fn is_between(whole: Option<i64>, (from, to): (Option<i64>, Option<i64>)) -> bool {
    match whole {
        Some(whole) => from.is_none_or(|from| from <= whole) && to.is_none_or(|to| whole <= to),
        None => from.is_none() && to.is_none(),
    }
}

/// How many bytes of a text stand for themselves, up to its end or an escape.
fn ordinary(bytes: &[u8]) -> usize {
    let end = memchr2(b'"', b'\\', bytes).unwrap_or(bytes.len());
    let text = bytes.get(..end).unwrap_or_default();
    // All of it at once, and only where there is one again for its place.
    let has_control = text.iter().fold(false, |any, byte| any | (*byte < 0x20));
    if has_control { text.iter().position(|byte| *byte < 0x20).unwrap_or(end) } else { end }
}

/// How many bytes an escape has, behind its backslash and with it. Halves of pairs are left to those who read.
fn escape(behind: &[u8]) -> Option<usize> {
    match behind {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Some(2),
        [b'u', a, b, c, d, ..] => {
            let is_hex = [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit);
            let is_half = matches!(a, b'd' | b'D') && !matches!(b, b'0'..=b'7');
            (is_hex && !is_half).then_some(6)
        }
        _ => None,
    }
}
