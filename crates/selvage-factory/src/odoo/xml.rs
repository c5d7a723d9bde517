//! XML-RPC as Python's `xmlrpc` reads and writes it: a call in, a response or a fault out, line breaks included.
//! What Odoo cannot write, it cannot answer: nothing, and whole numbers beyond 32 bits.

use std::fmt::Write as _;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;
use serde_json::{Map, Number, Value as Json, json};

use super::refusal::{Exception, Refusal};

/// Elements within elements, at most.
const DEEPEST: usize = 512;

/// A method and its arguments, from a `methodCall`.
pub(crate) fn call(body: &[u8]) -> Result<(String, Vec<Json>), String> {
    let root = tree(body)?;
    let method = root.child("methodName").ok_or("there is no methodName")?.text.clone();
    let params = root.child("params").map(|params| params.children.as_slice()).unwrap_or_default();
    let args = params.iter().map(|param| value(param.child("value").ok_or("a param has no value")?));
    Ok((method, args.collect::<Result<_, String>>()?))
}

/// The response with this result.
pub(crate) fn response(result: &Json) -> Result<String, Refusal> {
    let mut written = String::new();
    write(result, &mut written)?;
    Ok(envelope(&format!("<params>\n<param>\n{written}</param>\n</params>")))
}

/// The fault with this number and text.
pub(crate) fn fault(code: u8, text: &str) -> String {
    let mut written = String::new();
    // A number of one digit and a text can always be written.
    let _ = write(&json!({ "faultCode": code, "faultString": text }), &mut written);
    envelope(&format!("<fault>\n{written}</fault>"))
}

fn envelope(inner: &str) -> String {
    format!("<?xml version=\"1.0\"?>\n<methodResponse>\n{inner}\n\n</methodResponse>\n")
}

fn write(value: &Json, out: &mut String) -> Result<(), Refusal> {
    match value {
        Json::Null => {
            return Err(Refusal::new(Exception::Type, "cannot marshal None unless allow_none is enabled"));
        }
        Json::Bool(flag) => write_plain("boolean", if *flag { "1" } else { "0" }, out),
        Json::Number(number) => write_plain(number_tag(number)?, number.as_str(), out),
        Json::String(text) => write_plain("string", &escaped(text), out),
        Json::Array(items) => {
            out.push_str("<value><array><data>\n");
            items.iter().try_for_each(|item| write(item, out))?;
            out.push_str("</data></array></value>\n");
        }
        Json::Object(members) => {
            out.push_str("<value><struct>\n");
            for (name, member) in members {
                let _ = writeln!(out, "<member>\n<name>{}</name>", escaped(name));
                write(member, out)?;
                out.push_str("</member>\n");
            }
            out.push_str("</struct></value>\n");
        }
    }
    Ok(())
}

fn write_plain(tag: &str, text: &str, out: &mut String) {
    let _ = writeln!(out, "<value><{tag}>{text}</{tag}></value>");
}

fn number_tag(number: &Number) -> Result<&'static str, Refusal> {
    if number.as_str().contains(['.', 'e', 'E']) {
        return Ok("double");
    }
    let fits = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
    if fits { Ok("int") } else { Err(Refusal::new(Exception::Overflow, "int exceeds XML-RPC limits")) }
}

/// Odoo leaves out the control characters that XML does not have.
fn escaped(text: &str) -> String {
    let kept = text.chars().filter(|letter| *letter >= ' ' || matches!(letter, '\t' | '\n' | '\r'));
    kept.collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An element with its text and what is in it.
#[derive(Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// The outermost element of a document.
fn tree(body: &[u8]) -> Result<Element, String> {
    let mut reader = Reader::from_str(std::str::from_utf8(body).map_err(|error| error.to_string())?);
    reader.config_mut().expand_empty_elements = true;
    // The first stands for the document around the outermost element.
    let mut open = vec![Element::default()];
    loop {
        let event = reader.read_event().map_err(|error| format!("not well-formed: {error}"))?;
        let text = match event {
            Event::Start(tag) => {
                if open.len() > DEEPEST {
                    return Err("nested too deeply".to_owned());
                }
                let name = tag.local_name().as_ref().to_owned();
                open.push(Element { name, ..Element::default() });
                continue;
            }
            Event::End(_) => {
                let done = open.pop().unwrap_or_default();
                let around = open.last_mut().ok_or("an element ends that did not begin")?;
                around.children.push(done);
                continue;
            }
            Event::Text(text) => (*text).to_owned(),
            Event::CData(text) => (*text).to_owned(),
            Event::GeneralRef(entity) => match entity.resolve_char_ref().map_err(|error| error.to_string())? {
                Some(letter) => letter.to_string(),
                None => {
                    let known = resolve_predefined_entity(&entity);
                    known.ok_or(format!("undefined entity &{};", &*entity))?.to_owned()
                }
            },
            Event::DocType(_) => return Err("a document type".to_owned()),
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::Comment(_) => continue,
            Event::Eof => break,
        };
        open.last_mut().ok_or("a text outside of everything")?.text.push_str(&text);
    }
    let document = open.pop().filter(|_| open.is_empty()).ok_or("no element found")?;
    document.children.into_iter().next().ok_or_else(|| "no element found".to_owned())
}

fn value(element: &Element) -> Result<Json, String> {
    let Some(typed) = element.children.first() else { return Ok(json!(element.text)) };
    let text = typed.text.as_str();
    match typed.name.as_str() {
        "int" | "i4" | "i8" => text.trim().parse::<i64>().map(Json::from).map_err(|error| error.to_string()),
        "boolean" => Ok(json!(text.trim() == "1")),
        "double" => text.trim().parse().map(Json::Number).map_err(|error| error.to_string()),
        "string" => Ok(json!(text)),
        "nil" => Ok(Json::Null),
        "array" => {
            let items = typed.child("data").map(|data| data.children.as_slice()).unwrap_or_default();
            items.iter().map(value).collect()
        }
        "struct" => {
            let mut members = Map::new();
            for member in &typed.children {
                let name = member.child("name").ok_or("a member has no name")?;
                members.insert(name.text.clone(), value(member.child("value").ok_or("a member has no value")?)?);
            }
            Ok(Json::Object(members))
        }
        other => Err(format!("unknown type {other}")),
    }
}
