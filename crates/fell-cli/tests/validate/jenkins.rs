//! The JUnit dialect of Jenkins's xUnit plug-in, by the rules of its schema
//! (<https://github.com/jenkinsci/xunit-plugin>, `junit-10.xsd`), and of XML 1.0 itself.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// What an element may hold.
struct Rule {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    children: &'static [&'static str],
    has_text: bool,
}

const RERUN: &[&str] = &["stackTrace", "system-out", "system-err"];

const fn rerun(name: &'static str) -> Rule {
    Rule { name, required: &["type"], optional: &["message"], children: RERUN, has_text: true }
}

const fn status(name: &'static str) -> Rule {
    Rule { name, required: &[], optional: &["type", "message"], children: &[], has_text: true }
}

const fn text(name: &'static str) -> Rule {
    Rule { name, required: &[], optional: &[], children: &[], has_text: true }
}

const RULES: [Rule; 15] = [
    Rule {
        name: "testsuites",
        required: &[],
        optional: &["name", "time", "tests", "failures", "errors"],
        children: &["testsuite"],
        has_text: false,
    },
    Rule {
        name: "testsuite",
        required: &["name", "tests", "failures", "errors"],
        optional: &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"],
        children: &["testsuite", "properties", "testcase", "system-out", "system-err"],
        has_text: false,
    },
    Rule { name: "properties", required: &[], optional: &[], children: &["property"], has_text: false },
    Rule { name: "property", required: &["name", "value"], optional: &[], children: &[], has_text: false },
    Rule {
        name: "testcase",
        required: &["name"],
        optional: &["time", "classname", "group"],
        children: &[
            "skipped",
            "error",
            "failure",
            "rerunFailure",
            "rerunError",
            "flakyFailure",
            "flakyError",
            "system-out",
            "system-err",
        ],
        has_text: false,
    },
    status("skipped"),
    status("error"),
    status("failure"),
    rerun("rerunFailure"),
    rerun("rerunError"),
    rerun("flakyFailure"),
    rerun("flakyError"),
    text("stackTrace"),
    text("system-out"),
    text("system-err"),
];

/// A test case as the report tells of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The element that tells how it ended, with its type: `failure timeout`; empty for success.
    pub(crate) end: String,
    /// How often it was tried before.
    pub(crate) reruns: usize,
}

/// Checks the report against the schema, and gives its test cases.
pub(crate) fn check(report: &str) -> Vec<Case> {
    assert_characters(report);
    let mut reader = Reader::from_str(report);
    let mut open: Vec<&'static Rule> = Vec::new();
    let mut cases: Vec<Case> = Vec::new();
    let mut roots = 0;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("no XML: {error}\n{report}")) {
            Event::Start(element) => {
                roots += usize::from(open.is_empty());
                let rule = enter(&element, open.last().copied(), &mut cases);
                open.push(rule);
            }
            Event::Empty(element) => {
                roots += usize::from(open.is_empty());
                enter(&element, open.last().copied(), &mut cases);
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Text(text) => {
                let is_blank = text.iter().all(u8::is_ascii_whitespace);
                let may = open.last().is_some_and(|rule| rule.has_text);
                assert!(is_blank || may, "text in {:?}", open.last().map(|rule| rule.name));
            }
            Event::GeneralRef(reference) => {
                let name = String::from_utf8_lossy(&reference).into_owned();
                assert!(
                    ["amp", "lt", "gt", "quot", "apos"].contains(&name.as_str()) || name.starts_with('#'),
                    "{name}"
                );
            }
            Event::Eof => break,
            Event::Decl(_) => {}
            other => panic!("unexpected in a report: {other:?}"),
        }
    }
    assert_eq!((roots, open.len()), (1, 0));
    cases
}

fn enter(element: &BytesStart<'_>, parent: Option<&Rule>, cases: &mut Vec<Case>) -> &'static Rule {
    let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
    match parent {
        None => assert_eq!(name, "testsuites"),
        Some(parent) => assert!(parent.children.contains(&name.as_str()), "{name} in {}", parent.name),
    }
    let rule = RULES.iter().find(|rule| rule.name == name).unwrap();
    let mut seen = Vec::new();
    let mut kind = String::new();
    for attribute in element.attributes() {
        let attribute = attribute.unwrap();
        let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
        let is_known = rule.required.contains(&key.as_str()) || rule.optional.contains(&key.as_str());
        assert!(is_known, "attribute {key} of {name}");
        let value = String::from_utf8(attribute.value.to_vec()).unwrap();
        if key == "time" {
            assert!(value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "time {value}");
        }
        if name == "testcase" && key == "name" {
            cases.push(Case { name: value.clone(), ..Case::default() });
        }
        if key == "type" {
            kind = value;
        }
        seen.push(key);
    }
    for required in rule.required {
        assert!(seen.iter().any(|key| key == required), "{name} lacks {required}");
    }
    if let Some(case) = cases.last_mut() {
        match name.as_str() {
            "failure" | "error" | "skipped" => case.end = format!("{name} {kind}").trim_end().to_owned(),
            "flakyFailure" | "flakyError" | "rerunFailure" | "rerunError" => case.reruns += 1,
            _ => {}
        }
    }
    rule
}

/// <https://www.w3.org/TR/xml/#charsets>, references to characters included.
fn assert_characters(report: &str) {
    let is_char = |letter: char| matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
    if let Some((at, letter)) = report.char_indices().find(|(_, letter)| !is_char(*letter)) {
        panic!("{letter:?} at {at} is no character of XML");
    }
    for reference in report.split("&#").skip(1) {
        let Some((number, _)) = reference.split_once(';') else { panic!("a reference does not end") };
        let number = match number.strip_prefix('x') {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        };
        let letter = number.and_then(char::from_u32);
        assert!(letter.is_some_and(is_char), "{reference:?} is no character of XML");
    }
}

#[test]
fn the_rules_are_enforced() {
    let suite = |inside: &str| {
        format!(
            "<testsuites><testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\">{inside}</testsuite></testsuites>"
        )
    };
    let cases = check(&suite("<testcase name=\"x\"><failure type=\"exit\">no</failure></testcase>"));
    assert_eq!(cases, [Case { name: String::from("x"), end: String::from("failure exit"), reruns: 0 }]);
    for bad in [
        String::from("<testsuites skipped=\"1\"/>"),
        suite("<testcase/>"),
        suite("<testcase name=\"x\" timestamp=\"1\"/>"),
        suite("<testcase name=\"x\"><flakyFailure/></testcase>"),
        suite("loose text"),
        suite("<testcase name=\"x\"><system-out>&#x1;</system-out></testcase>"),
        suite("<testcase name=\"x\"><system-out>\u{ffff}</system-out></testcase>"),
    ] {
        assert!(std::panic::catch_unwind(|| check(&bad)).is_err(), "{bad}");
    }
}
