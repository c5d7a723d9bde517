//! Where in an object something stands: a JSON Pointer (RFC 6901) that is written out only when there is something to say.

use std::fmt;

/// A place in an object, by the places above it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pointer<'a> {
    above: Option<&'a Pointer<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Name(&'a str),
    Place(usize),
}

impl<'a> Pointer<'a> {
    /// The object itself.
    pub(crate) const ROOT: Pointer<'static> = Pointer { above: None, step: Step::Place(0) };

    /// A member.
    pub(crate) fn name(&'a self, name: &'a str) -> Pointer<'a> {
        Pointer { above: Some(self), step: Step::Name(name) }
    }

    /// An element.
    pub(crate) fn place(&'a self, place: usize) -> Pointer<'a> {
        Pointer { above: Some(self), step: Step::Place(place) }
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(above) = self.above else { return Ok(()) };
        above.fmt(f)?;
        match self.step {
            Step::Name(name) => write!(f, "/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Place(place) => write!(f, "/{place}"),
        }
    }
}

impl From<&Pointer<'_>> for String {
    fn from(pointer: &Pointer<'_>) -> Self {
        pointer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_escaped() {
        let lines = Pointer::ROOT.name("a/b~c");
        assert_eq!(lines.place(3).name("unit").to_string(), "/a~1b~0c/3/unit");
        assert_eq!(Pointer::ROOT.to_string(), "");
    }
}
