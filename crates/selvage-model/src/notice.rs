//! By which way somebody is told of what ends. Tells nobody.

use std::fmt;
use std::str::FromStr;

/// A way in which a team is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeWay {
    /// A webhook of the team: `notices`.
    Webhook,
    /// The team's mailbox: `mail`.
    Mail,
    /// The team names neither, or there is no team.
    Nowhere,
}

impl NoticeWay {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Webhook, Self::Mail, Self::Nowhere];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Mail => "mail",
            Self::Nowhere => "nowhere",
        }
    }
}

impl fmt::Display for NoticeWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NoticeWay {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|way| way.as_str() == text).ok_or(())
    }
}
