//! XML-RPC as a client writes and reads it: a call out, a value or a fault in.
//! The simulation's own reader and writer are not used here.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value as Json, json};

/// The `methodCall` of a method with its arguments.
pub fn call(method: &str, args: &[Json]) -> String {
    let params: String = args.iter().map(|arg| format!("<param>{}</param>", value(arg))).collect();
    format!("<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>")
}

fn value(json: &Json) -> String {
    let inner = match json {
        Json::Null => "<nil/>".to_owned(),
        Json::Bool(flag) => format!("<boolean>{}</boolean>", u8::from(*flag)),
        Json::Number(number) if number.is_i64() => format!("<int>{number}</int>"),
        Json::Number(number) => format!("<double>{number}</double>"),
        Json::String(text) => format!("<string>{}</string>", quick_xml::escape::escape(text)),
        Json::Array(items) => {
            format!("<array><data>{}</data></array>", items.iter().map(value).collect::<String>())
        }
        Json::Object(map) => {
            let member =
                |(name, item): (&String, &Json)| format!("<member><name>{name}</name>{}</member>", value(item));
            format!("<struct>{}</struct>", map.iter().map(member).collect::<String>())
        }
    };
    format!("<value>{inner}</value>")
}

/// The result, or number and text of the fault.
pub fn answer(text: &str) -> Result<Json, (i64, String)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut tokens = Vec::new();
    let mut words = String::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                words.clear();
                tokens.push(Token::Open(tag.name().as_ref().to_owned()));
            }
            Event::End(_) => tokens.push(Token::Close(std::mem::take(&mut words))),
            Event::Text(part) => words.push_str(&part),
            Event::GeneralRef(entity) => {
                let letter = entity.resolve_char_ref().unwrap().map(String::from);
                words.push_str(
                    &letter
                        .unwrap_or_else(|| quick_xml::escape::resolve_predefined_entity(&entity).unwrap().to_owned()),
                );
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let fault = tokens.iter().any(|token| matches!(token, Token::Open(name) if name == "fault"));
    let start = tokens.iter().position(|token| matches!(token, Token::Open(name) if name == "value")).unwrap();
    let read = read_value(&tokens, &mut (start + 1));
    if fault {
        return Err((read["faultCode"].as_i64().unwrap(), read["faultString"].as_str().unwrap().to_owned()));
    }
    Ok(read)
}

enum Token {
    Open(String),
    /// With the text before it.
    Close(String),
}

/// Reads what is in a `value`, from behind its tag to behind its end.
fn read_value(tokens: &[Token], at: &mut usize) -> Json {
    let Token::Open(kind) = &tokens[*at] else { panic!("a value without a type") };
    *at += 1;
    let read = match kind.as_str() {
        "array" => {
            *at += 1;
            let mut items = Vec::new();
            while let Token::Open(_) = &tokens[*at] {
                *at += 1;
                items.push(read_value(tokens, at));
            }
            *at += 1;
            Json::Array(items)
        }
        "struct" => {
            let mut members = Map::new();
            while let Token::Open(_) = &tokens[*at] {
                *at += 2;
                let Token::Close(name) = &tokens[*at] else { panic!("a member without a name") };
                *at += 2;
                members.insert(name.clone(), read_value(tokens, at));
                *at += 1;
            }
            Json::Object(members)
        }
        scalar => {
            let Token::Close(text) = &tokens[*at] else { panic!("{scalar} is not plain") };
            match scalar {
                "boolean" => json!(text == "1"),
                "int" | "double" => text.parse().map(Json::Number).unwrap(),
                _ => json!(text),
            }
        }
    };
    // The end of the type, and of the value.
    *at += 2;
    read
}
