//! The XML of XML-RPC: calls are written and answers read, as JSON values. It knows no document type, no entity but those of XML
//! itself and no nesting without end, and a number keeps its digits.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Number, Value};

/// Deeper than this no record of Odoo's is nested.
const DEEPEST: usize = 64;

/// What a method came to.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Result(Value),
    Fault { code: i64, text: String },
}

/// Why a text is no answer of XML-RPC; the text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(&'static str);

/// A value that XML cannot carry, in the words of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unwritable(pub(super) &'static str);

/// The text of a `methodCall`.
pub(super) fn call(method: &str, params: &[Value]) -> Result<String, Unwritable> {
    let mut out = String::from("<?xml version=\"1.0\"?>\n<methodCall><methodName>");
    escape(method, &mut out)?;
    out.push_str("</methodName><params>");
    for param in params {
        out.push_str("<param>");
        write(param, &mut out)?;
        out.push_str("</param>");
    }
    out.push_str("</params></methodCall>\n");
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), Unwritable> {
    out.push_str("<value>");
    match value {
        Value::Null => out.push_str("<nil/>"),
        Value::Bool(flag) => out.push_str(if *flag { "<boolean>1</boolean>" } else { "<boolean>0</boolean>" }),
        Value::Number(number) => {
            let tag = tag_of(number)?;
            // Writing to a text cannot fail.
            let _ = write!(out, "<{tag}>{number}</{tag}>");
        }
        Value::String(text) => {
            out.push_str("<string>");
            escape(text, out)?;
            out.push_str("</string>");
        }
        Value::Array(items) => {
            out.push_str("<array><data>");
            items.iter().try_for_each(|item| write(item, out))?;
            out.push_str("</data></array>");
        }
        Value::Object(members) => {
            out.push_str("<struct>");
            for (name, member) in members {
                out.push_str("<member><name>");
                escape(name, out)?;
                out.push_str("</name>");
                write(member, out)?;
                out.push_str("</member>");
            }
            out.push_str("</struct>");
        }
    }
    out.push_str("</value>");
    Ok(())
}

/// `int` has 32 bits; `i8` is what Odoo takes for more.
fn tag_of(number: &Number) -> Result<&'static str, Unwritable> {
    if number.as_str().contains(['.', 'e', 'E']) {
        return Ok("double");
    }
    match number.as_i64().map(i32::try_from) {
        Some(Ok(_)) => Ok("int"),
        Some(Err(_)) => Ok("i8"),
        None => Err(Unwritable("a whole number has more than 64 bits, which XML-RPC cannot carry")),
    }
}

fn escape(text: &str, out: &mut String) -> Result<(), Unwritable> {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // As itself it would be read as a line feed.
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(letter),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                return Err(Unwritable("a text holds a control character, which XML-RPC cannot carry"));
            }
            _ => out.push(letter),
        }
    }
    Ok(())
}

/// Reads a `methodResponse`.
pub(super) fn answer(body: &[u8]) -> Result<Answer, Broken> {
    let mut cursor = Cursor::new(body)?;
    cursor.open(Tag::MethodResponse)?;
    let answer = match cursor.element()? {
        Some(Tag::Params) => {
            cursor.open(Tag::Param)?;
            cursor.open(Tag::Value)?;
            let result = cursor.value(DEEPEST)?;
            cursor.close()?;
            Answer::Result(result)
        }
        Some(Tag::Fault) => {
            cursor.open(Tag::Value)?;
            let fault = cursor.value(DEEPEST)?;
            let code = fault.get("faultCode").and_then(Value::as_i64).ok_or(Broken("a fault has no code"))?;
            let text = fault.get("faultString").and_then(Value::as_str).ok_or(Broken("a fault has no text"))?;
            Answer::Fault { code, text: text.to_owned() }
        }
        _ => return Err(Broken("it has neither a result nor a fault")),
    };
    cursor.close()?;
    cursor.close()?;
    match cursor.token()? {
        Token::Text(text) if !text.trim().is_empty() => Err(Broken("something follows the answer")),
        Token::Text(_) | Token::End => Ok(answer),
        Token::Open(_) | Token::Close => Err(Broken("something follows the answer")),
    }
}

/// The elements of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    MethodResponse,
    Params,
    Param,
    Fault,
    Value,
    Int,
    Boolean,
    Double,
    String,
    DateTime,
    Base64,
    Nil,
    Array,
    Data,
    Struct,
    Member,
    Name,
}

impl Tag {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "methodResponse" => Self::MethodResponse,
            "params" => Self::Params,
            "param" => Self::Param,
            "fault" => Self::Fault,
            "value" => Self::Value,
            "int" | "i1" | "i2" | "i4" | "i8" | "biginteger" => Self::Int,
            "boolean" => Self::Boolean,
            "double" | "float" | "bigdecimal" => Self::Double,
            "string" => Self::String,
            "dateTime.iso8601" => Self::DateTime,
            "base64" => Self::Base64,
            "nil" => Self::Nil,
            "array" => Self::Array,
            "data" => Self::Data,
            "struct" => Self::Struct,
            "member" => Self::Member,
            "name" => Self::Name,
            _ => return None,
        })
    }
}

enum Token {
    Open(Tag),
    Close,
    Text(String),
    End,
}

struct Cursor<'x> {
    reader: Reader<&'x [u8]>,
}

impl<'x> Cursor<'x> {
    fn new(body: &'x [u8]) -> Result<Self, Broken> {
        let text = std::str::from_utf8(body).map_err(|_| Broken("it is not UTF-8"))?;
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Ok(Self { reader })
    }

    fn token(&mut self) -> Result<Token, Broken> {
        loop {
            match self.reader.read_event().map_err(|_| Broken("it is not XML"))? {
                Event::Start(tag) => {
                    let tag = Tag::parse(tag.local_name().as_ref()).ok_or(Broken("it has a foreign element"))?;
                    return Ok(Token::Open(tag));
                }
                Event::End(_) => return Ok(Token::Close),
                Event::Text(text) => return Ok(Token::Text((*text).to_owned())),
                Event::CData(text) => return Ok(Token::Text((*text).to_owned())),
                Event::GeneralRef(entity) => {
                    let number = entity.resolve_char_ref().map_err(|_| Broken("it names no character"))?;
                    let letter = match number {
                        Some(letter) => letter,
                        None => own_entity(&entity).ok_or(Broken("it names an entity that XML does not have"))?,
                    };
                    return Ok(Token::Text(letter.to_string()));
                }
                Event::DocType(_) => return Err(Broken("it has a document type")),
                Event::Empty(_) => return Err(Broken("it has an element without an end")),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => return Ok(Token::End),
            }
        }
    }

    /// The next element, or `None` at the end of the one around it; only blanks may stand between.
    fn element(&mut self) -> Result<Option<Tag>, Broken> {
        loop {
            match self.token()? {
                Token::Open(tag) => return Ok(Some(tag)),
                Token::Close => return Ok(None),
                Token::Text(text) if text.trim().is_empty() => {}
                Token::Text(_) => return Err(Broken("a text stands where an element must")),
                Token::End => return Err(Broken("it ends too early")),
            }
        }
    }

    fn open(&mut self, wanted: Tag) -> Result<(), Broken> {
        if self.element()? == Some(wanted) { Ok(()) } else { Err(Broken("its elements are not XML-RPC's")) }
    }

    fn close(&mut self) -> Result<(), Broken> {
        if self.element()?.is_none() { Ok(()) } else { Err(Broken("an element has too many parts")) }
    }

    /// The text up to the end of the element.
    fn text(&mut self) -> Result<String, Broken> {
        let mut all = String::new();
        loop {
            match self.token()? {
                Token::Text(text) => all.push_str(&text),
                Token::Close => return Ok(all),
                Token::Open(_) => return Err(Broken("an element stands where a text must")),
                Token::End => return Err(Broken("it ends too early")),
            }
        }
    }

    /// The value whose element was opened, to its end.
    fn value(&mut self, depth: usize) -> Result<Value, Broken> {
        let Some(depth) = depth.checked_sub(1) else { return Err(Broken("it is nested too deeply")) };
        let mut bare = String::new();
        let tag = loop {
            match self.token()? {
                Token::Text(text) => bare.push_str(&text),
                // A value without a type is a string.
                Token::Close => return Ok(Value::String(bare)),
                Token::Open(tag) if bare.trim().is_empty() => break tag,
                Token::Open(_) => return Err(Broken("a text stands beside an element")),
                Token::End => return Err(Broken("it ends too early")),
            }
        };
        let value = match tag {
            Tag::Int => integer(self.text()?.trim())?,
            Tag::Double => double(self.text()?.trim())?,
            Tag::Boolean => boolean(self.text()?.trim())?,
            Tag::String => Value::String(self.text()?),
            Tag::DateTime => moment(self.text()?.trim())?,
            Tag::Base64 => Value::String(self.text()?.split_whitespace().collect()),
            Tag::Nil => {
                self.close()?;
                Value::Null
            }
            Tag::Array => self.array(depth)?,
            Tag::Struct => self.members(depth)?,
            _ => return Err(Broken("its elements are not XML-RPC's")),
        };
        self.close()?;
        Ok(value)
    }

    fn array(&mut self, depth: usize) -> Result<Value, Broken> {
        self.open(Tag::Data)?;
        let mut items = Vec::new();
        loop {
            match self.element()? {
                Some(Tag::Value) => items.push(self.value(depth)?),
                Some(_) => return Err(Broken("an array has a part that is no value")),
                None => break,
            }
        }
        self.close()?;
        Ok(Value::Array(items))
    }

    fn members(&mut self, depth: usize) -> Result<Value, Broken> {
        let mut members = Map::new();
        loop {
            match self.element()? {
                Some(Tag::Member) => {}
                Some(_) => return Err(Broken("a struct has a part that is no member")),
                None => return Ok(Value::Object(members)),
            }
            self.open(Tag::Name)?;
            let name = self.text()?;
            self.open(Tag::Value)?;
            let value = self.value(depth)?;
            self.close()?;
            members.insert(name, value);
        }
    }
}

/// One of the five that XML has of its own.
fn own_entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

fn integer(text: &str) -> Result<Value, Broken> {
    let digits = text.trim_start_matches(['+', '-']);
    let whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse::<i64>().map(Number::from).ok().or_else(|| text.parse().ok());
    number.filter(|_| whole).map(Value::Number).ok_or(Broken("an int is no whole number"))
}

/// The digits stay as they came: no float is made of them.
fn double(text: &str) -> Result<Value, Broken> {
    text.trim_start_matches('+').parse().map(Value::Number).map_err(|_| Broken("a double is no number"))
}

fn boolean(text: &str) -> Result<Value, Broken> {
    match text {
        "1" | "true" => Ok(Value::Bool(true)),
        "0" | "false" => Ok(Value::Bool(false)),
        _ => Err(Broken("a boolean is neither 0 nor 1")),
    }
}

/// `20261123T05:31:51` as Odoo writes moments elsewhere: `2026-11-23 05:31:51`.
fn moment(text: &str) -> Result<Value, Broken> {
    let broken = Broken("a moment is not one of ISO 8601");
    let (day, time) = text.split_once('T').ok_or(broken)?;
    let day: String = day.chars().filter(|letter| *letter != '-').collect();
    let shape =
        |text: &str| text.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte }).collect::<Vec<_>>();
    if shape(&day) != b"00000000" || shape(time) != b"00:00:00" {
        return Err(broken);
    }
    let part = |from: usize, to: usize| day.get(from..to).ok_or(broken);
    Ok(Value::String(format!("{}-{}-{} {time}", part(0, 4)?, part(4, 6)?, part(6, 8)?)))
}

#[cfg(test)]
mod tests;
