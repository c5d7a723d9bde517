//! A byte of a file is not what was written. Whatever it was, either everything is there all the same, or what is not is named by the code
//! of what found it: any other error is as good as none. Of an event's own bytes it is the checksum of the event, and everything before and
//! behind it is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use selvage_model::code::{self, Code};
use selvage_model::event::Position;
use selvage_store::Store;

use super::disk::{End, copy};
use super::load::Load;
use super::scenes::WORKS;
use super::stand::{Keeping, Stand};
use super::wire::{Ask, Client, Reply};
use crate::crash::random::Random;

/// Flipped bytes in each file, and in events.
const FLIPS: u64 = 4;
/// What names that something is not as it was written.
const NAMES: [Code; 6] = [
    code::STORE_DAMAGED,
    code::LOG_GAP,
    code::EVENT_DAMAGED,
    code::EVENTS_MISSING,
    code::POSITION_AHEAD,
    code::MARK_UNUSABLE,
];

/// What was appended, by producer and number.
type Events = BTreeSet<(usize, u64)>;

/// An installation that has ended, with the files that it left and what it had acknowledged.
struct Left {
    stand: Stand,
    whole: PathBuf,
    directory: PathBuf,
    acknowledged: Events,
}

/// What a reader found from the beginning to the end.
#[derive(Default)]
struct Found {
    events: Events,
    /// The codes of what stood in its way, in order.
    refused: Vec<String>,
}

/// Somewhere in each file: everything is there, or what is not was named, when the node started or when it was read.
pub(super) async fn anywhere(directory: &Path, random: &mut Random) -> Result<Vec<String>> {
    let mut left = Left::new(directory).await?;
    let mut wrong = Vec::new();
    for file in ["store.db", "store.db-wal", "selvage.marks"] {
        for _ in 0..FLIPS {
            left.restore()?;
            let at = random.within(0..fs::metadata(left.stand.file(file))?.len());
            flip(&left.stand.file(file), at, random)?;
            if let Some(found) = left.unnamed().await? {
                wrong.push(format!("byte {at} of {file}: {found}"));
            }
        }
    }
    Ok(wrong)
}

/// In the bytes of an event itself.
pub(super) async fn in_events(directory: &Path, random: &mut Random) -> Result<Vec<String>> {
    let mut left = Left::new(directory).await?;
    // What is in the journal goes to its place: a flipped byte there would be found by the journal's own checksums.
    left.restore()?;
    Store::open(&format!("sqlite:{}", left.stand.file("store.db").display())).await?.close().await;
    copy(&directory.join("disk"), &left.whole)?;
    let mut wrong = Vec::new();
    for _ in 0..FLIPS {
        left.restore()?;
        let nth = usize::try_from(random.within(0..left.acknowledged.len() as u64))?;
        let event = *left.acknowledged.iter().nth(nth).context("nothing was acknowledged")?;
        let body = serde_json::to_vec(&event)?;
        change(&left.stand.file("store.db"), &body)?;
        left.stand.start().await?;
        let found = left.read().await?;
        left.stand.end(End::Kill)?;
        let missing: Vec<_> = left.acknowledged.difference(&found.events).copied().collect();
        if found.refused != [code::EVENT_DAMAGED.as_str()] || missing != [event] {
            wrong.push(format!("{event:?}: found {:?}, missing {missing:?}", found.refused));
        }
    }
    Ok(wrong)
}

/// One bit of a byte is another.
fn flip(file: &Path, at: u64, random: &mut Random) -> Result<()> {
    let mut bytes = fs::read(file)?;
    let byte = bytes.get_mut(usize::try_from(at)?).context("the file has no such byte")?;
    *byte ^= 1 << random.within(0..8);
    Ok(fs::write(file, bytes)?)
}

/// The last digit of these bytes is another, also where an older state of a page has them.
pub(super) fn change(file: &Path, body: &[u8]) -> Result<()> {
    let mut bytes = fs::read(file)?;
    let places: Vec<usize> =
        bytes.windows(body.len()).enumerate().filter(|(_, window)| *window == body).map(|(at, _)| at).collect();
    ensure!(!places.is_empty(), "{} is not in the file", String::from_utf8_lossy(body));
    for place in places {
        if let Some(digit) = bytes.get_mut(place + body.len() - 2) {
            *digit ^= 1;
        }
    }
    Ok(fs::write(file, bytes)?)
}

/// Whether a text has the code of what finds damage.
fn names(text: &str) -> bool {
    NAMES.iter().any(|code| text.contains(code.as_str()))
}

impl Left {
    async fn new(directory: &Path) -> Result<Self> {
        let mut stand = Stand::new(directory, Keeping::Embedded, None)?;
        let whole = directory.join("whole");
        fs::create_dir_all(&whole)?;
        stand.start().await?;
        let load = Load::start(&stand.socket(), 0);
        tokio::time::sleep(WORKS).await;
        let acknowledged = load.finish().await?.acknowledged;
        stand.end(End::Kill)?;
        copy(&directory.join("disk"), &whole)?;
        Ok(Self { stand, whole, directory: directory.to_owned(), acknowledged })
    }

    /// The files are what was left.
    fn restore(&self) -> Result<()> {
        copy(&self.whole, &self.directory.join("disk"))?;
        copy(&self.whole, &self.directory.join("synced"))
    }

    /// What is wrong with how a node begins and is read: none where everything is there, or what is not is named.
    async fn unnamed(&mut self) -> Result<Option<String>> {
        let wrong = match self.stand.start().await {
            // It does not begin with what it finds.
            Err(error) => {
                let error = format!("{error:#}");
                (!names(&error)).then(|| format!("it does not begin, and says: {error}"))
            }
            Ok(gap) => {
                let found = self.read().await?;
                let other = found.refused.iter().find(|code| !names(code));
                let is_named = gap.is_some() || !found.refused.is_empty();
                let missing = self.acknowledged.difference(&found.events).count();
                match other {
                    Some(other) => Some(format!("reading it ended with `{other}`")),
                    None => (missing > 0 && !is_named).then(|| format!("{missing} events are lost, and none is named")),
                }
            }
        };
        let _ = self.stand.end(End::Kill);
        Ok(wrong)
    }

    /// Everything that is read, going on behind each event that is refused.
    async fn read(&self) -> Result<Found> {
        let mut client = Client::connect(&self.stand.socket()).await?;
        let (mut after, mut found) = (Position::START, Found::default());
        loop {
            match client.ask(&Ask::Read { after: after.to_string() }).await? {
                Reply::Events(events) => {
                    let Some(last) = events.last() else { return Ok(found) };
                    after = last.position.parse()?;
                    found.events.extend(events.iter().map(|event| (event.producer, event.number)));
                }
                Reply::Refused { code, .. } => {
                    let is_one = code == code::EVENT_DAMAGED.as_str() || code == code::EVENTS_MISSING.as_str();
                    found.refused.push(code);
                    // Where it is not one event, nothing behind it is given either.
                    if !is_one {
                        return Ok(found);
                    }
                    ensure!(found.refused.len() <= self.acknowledged.len(), "it is refused without an end");
                    after = behind(after)?;
                }
                other => bail!("the node answers {other:?}"),
            }
        }
    }
}

/// The position of the event that comes next.
fn behind(after: Position) -> Result<Position> {
    let epoch = after.epoch().max(1);
    Position::new(epoch, after.offset() + 1).context("there is no position behind it")
}
