//! The XML-RPC codec by tables: every kind of value there and back, faults, and what is refused: depth, size, entities.

use serde_json::json;

use super::*;

fn read(value: &str) -> Result<Value, Broken> {
    let body = format!(
        "<?xml version=\"1.0\"?>\n<methodResponse>\n<params>\n<param>\n{value}\n</param>\n</params>\n\n</methodResponse>\n"
    );
    match answer(body.as_bytes())? {
        Answer::Result(value) => Ok(value),
        Answer::Fault { .. } => panic!("a fault"),
    }
}

#[test]
fn every_kind_of_value_is_read() {
    for (xml, expected) in [
        ("<value><int>2</int></value>", "2"),
        ("<value><i4>-7</i4></value>", "-7"),
        ("<value><i8>9007199254740993</i8></value>", "9007199254740993"),
        ("<value><int>007</int></value>", "7"),
        ("<value><boolean>1</boolean></value>", "true"),
        ("<value><boolean>0</boolean></value>", "false"),
        ("<value><double>0.1</double></value>", "0.1"),
        ("<value><double>12.340</double></value>", "12.340"),
        ("<value><double>0.30000000000000004</double></value>", "0.30000000000000004"),
        ("<value><double>1e+16</double></value>", "1e+16"),
        ("<value><string>a &lt;b&gt; &amp; &#252;&#xe9;</string></value>", "\"a <b> & üé\""),
        ("<value><string> kept </string></value>", "\" kept \""),
        ("<value><string><![CDATA[<raw> & so]]></string></value>", "\"<raw> & so\""),
        ("<value>no type</value>", "\"no type\""),
        ("<value></value>", "\"\""),
        ("<value/>", "\"\""),
        ("<value><string/></value>", "\"\""),
        ("<value><nil/></value>", "null"),
        ("<value><ex:nil xmlns:ex=\"x\"/></value>", "null"),
        ("<value><dateTime.iso8601>20261123T05:31:51</dateTime.iso8601></value>", "\"2026-11-23 05:31:51\""),
        ("<value><base64>\naGVs\nbG8=\n</base64></value>", "\"aGVsbG8=\""),
        ("<value><array><data></data></array></value>", "[]"),
        ("<value><array><data><value><int>1</int></value><value>x</value></data></array></value>", "[1,\"x\"]"),
        ("<value><struct></struct></value>", "{}"),
        (
            "<value><struct><member><name>a&amp;b</name><value><int>1</int></value></member></struct></value>",
            "{\"a&b\":1}",
        ),
        ("<value><!-- nothing --><int>3</int></value>", "3"),
    ] {
        assert_eq!(read(xml).map(|value| value.to_string()), Ok(expected.to_owned()), "{xml}");
    }
}

#[test]
fn what_is_not_xml_rpc_is_refused() {
    for xml in [
        "<value><int>2.5</int></value>",
        "<value><int></int></value>",
        "<value><double>nan</double></value>",
        "<value><double>inf</double></value>",
        "<value><boolean>yes</boolean></value>",
        "<value><string>&unknown;</string></value>",
        "<value><string>&#0;</string></value>",
        "<value><strange>1</strange></value>",
        "<value>text<int>1</int></value>",
        "<value><int>1</int><int>2</int></value>",
        "<value><array><value><int>1</int></value></array></value>",
        "<value><struct><value><int>1</int></value></struct></value>",
        "<value><int>1</string></value>",
        "<value><dateTime.iso8601>yesterday</dateTime.iso8601></value>",
        "<value><params/></value>",
    ] {
        assert!(read(xml).is_err(), "{xml}");
    }
    for body in [
        "",
        "<html><body>502</body></html>",
        "<methodResponse>",
        "<methodResponse></methodResponse>",
        "<methodResponse><params></params></methodResponse>",
        "<methodResponse><fault><value><int>1</int></value></fault></methodResponse>",
        "<methodResponse><params><param><value/></param></params></methodResponse><methodResponse/>",
        "<!DOCTYPE m [<!ENTITY a \"b\">]><methodResponse><params><param><value>&a;</value></param></params></methodResponse>",
        "{\"jsonrpc\": \"2.0\"}",
    ] {
        assert!(answer(body.as_bytes()).is_err(), "{body}");
    }
    assert!(answer(b"<methodResponse><params><param><value>\xff</value></param></params></methodResponse>").is_err());
}

#[test]
fn nesting_has_an_end() {
    let nested = |depth: usize| {
        let (open, close) = ("<value><array><data>".repeat(depth), "</data></array></value>".repeat(depth));
        read(&format!("{open}<value><int>1</int></value>{close}"))
    };
    assert!(nested(DEEPEST - 1).is_ok());
    assert_eq!(nested(DEEPEST), Err(Broken("it is nested too deeply")));
    assert!(nested(100_000).is_err());
}

#[test]
fn a_fault_has_code_and_text() {
    let fault = "<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>2</int></value></member>\
                 <member><name>faultString</name><value><string>no &amp; no</string></value></member></struct></value></fault>\
                 </methodResponse>";
    assert_eq!(answer(fault.as_bytes()), Ok(Answer::Fault { code: 2, text: "no & no".to_owned() }));
}

/// What is written is read back as it was.
#[test]
fn values_survive_the_way() {
    let value: Value = serde_json::from_str(
        r#"{"none": null, "yes": true, "no": false, "n": 3, "big": 4294967296, "q": 0.1000, "e": 1e-05,
            "text": "a<b> & \"c\" 'd' \r\n\t ünï 漢 😀", "list": [1, [2, []], {}], "deep": {"x": {"y": [false]}}}"#,
    )
    .unwrap();
    let mut written = String::new();
    write(&value, &mut written).unwrap();
    assert_eq!(read(&written), Ok(value));
    for (value, kind) in
        [(json!(2_147_483_647), "<int>"), (json!(-2_147_483_649_i64), "<i8>"), (json!(2.5), "<double>")]
    {
        let call = call("execute_kw", &[value]).unwrap();
        assert!(call.contains(kind), "{call}");
    }
}

#[test]
fn what_xml_cannot_carry_is_not_sent() {
    let huge: Value = serde_json::from_str("99999999999999999999").unwrap();
    for value in [json!("a\u{0}b"), json!("\u{1b}"), json!({"\u{b}": 1}), json!("\u{ffff}"), huge] {
        assert!(call("m", std::slice::from_ref(&value)).is_err(), "{value}");
    }
}
