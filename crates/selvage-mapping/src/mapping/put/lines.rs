//! Lists back to the record: lines as the fewest commands that make them what is meant, and the one element of a list.
//! Never touches a line that stays as it is, and never overwrites several elements with one.

use selvage_model::manifest::object::Shape;
use serde_json::Value;

use super::Writer;
use super::value::wrong;
use crate::error::{MapCause, MapError};
use crate::lens::{Field, Lens, Lines, Spot};
use crate::mapping::get::line_records;
use crate::pointer::Pointer;
use crate::record;
use crate::shape::{same, shown};

impl<'a> Writer<'a> {
    /// `[0, 0, values]` makes a line, `[1, id, values]` changes one, `[2, id, 0]` removes one: first those that are given,
    /// in their order, then the lines that are given no more.
    pub(super) fn lines(
        &mut self,
        at: &Spot,
        lines: &Lines,
        given: &Value,
        pointer: &Pointer<'_>,
    ) -> Result<(), MapError> {
        let Value::Array(elements) = given else {
            return Err(wrong(pointer, format!("{} is no list", shown(given))));
        };
        let before: &'a [Value] = match self.before.and_then(|before| record::present(before, &at.at, false)) {
            Some(value) => line_records(value, at).map_err(|error| wrong(pointer, error))?,
            None => &[],
        };
        let mut left: Vec<&'a Value> = before.iter().filter(|line| lines.tell(line)).collect();
        let mut commands = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let pointer = pointer.place(index);
            let known = self.known(lines, &left, element, &pointer)?;
            let line = known.map(|place| left.remove(place));
            let mut writer = Writer::new(self.system, line, self.links);
            writer.members(&lines.attributes, &lines.members, element, &pointer)?;
            let values = writer.values();
            match line {
                None => commands.push(command(0, 0, Value::Object(values))),
                Some(_) if values.is_empty() => {}
                Some(line) => commands.push(command(1, id(line, at, &pointer)?, Value::Object(values))),
            }
        }
        for line in left {
            commands.push(command(2, id(line, at, pointer)?, Value::from(0)));
        }
        if !commands.is_empty() {
            self.values.insert(at.at.clone(), Value::Array(commands));
        }
        Ok(())
    }

    /// Which of the lines that are left is this one: the first of its key, or the next where lines have none.
    fn known(
        &self,
        lines: &Lines,
        left: &[&Value],
        element: &Value,
        pointer: &Pointer<'_>,
    ) -> Result<Option<usize>, MapError> {
        if lines.key.is_empty() {
            return Ok((!left.is_empty()).then_some(0));
        }
        if lines.key_members().all(|member| element.get(member.name()).is_none_or(Value::is_null)) {
            return Ok(None);
        }
        for (place, line) in left.iter().enumerate() {
            let mut alike = true;
            for member in lines.key_members() {
                alike &= self.has(line, member, element, pointer)?;
            }
            if alike {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Whether the line has this attribute as it is given.
    fn has(&self, line: &Value, member: &Field, element: &Value, pointer: &Pointer<'_>) -> Result<bool, MapError> {
        let there = self.reader(line).field(member, &pointer.name(member.name()))?;
        Ok(same(&member.attribute.shape, &there, element.get(member.name()).unwrap_or(&Value::Null)))
    }

    /// The one element of a list. A list of several is not overwritten: the object did not show what it has.
    pub(super) fn only(
        &mut self,
        at: &Spot,
        element: &Lens,
        shape: &Shape,
        given: &Value,
        pointer: &Pointer<'_>,
    ) -> Result<(), MapError> {
        let before = self.before.and_then(|before| record::present(before, &at.at, false));
        if let Some(before) = before
            && record::only(before).is_none()
            && record::first(before).is_some()
        {
            let message = format!("the record has several in `{}`, of which the object shows none", at.path);
            return Err(MapError::new(MapCause::NotWritable, pointer, message));
        }
        let value = self.value(element, shape, given, pointer)?;
        let unchanged = before.and_then(record::only).is_some_and(|before| record::same(before, &value));
        if unchanged { Ok(()) } else { self.set(at, Value::Array(vec![value]), pointer) }
    }
}

/// One command of a list of lines.
fn command(kind: i64, id: i64, values: Value) -> Value {
    Value::Array(vec![Value::from(kind), Value::from(id), values])
}

fn id(line: &Value, at: &Spot, pointer: &Pointer<'_>) -> Result<i64, MapError> {
    line.get("id").and_then(Value::as_i64).ok_or_else(|| wrong(pointer, format!("a line in `{}` has no id", at.path)))
}
