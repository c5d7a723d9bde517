//! What comes over HTTP/2, followed from frame to frame (RFC 9113 §4.1) and into none of them: whether a head is under way, and how many
//! frames ask for work and bring no request. h2 bounds heads, bodies and resets itself; PING, SETTINGS, PRIORITY, WINDOW_UPDATE and frames that nobody knows it
//! answers or drops for as long as they come (CVE-2019-9512, 9513, 9515).

use std::io;

/// The preface of a client comes before the first frame.
const PREFACE: usize = 24;
const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_HEADERS: u8 = 4;
const ACKNOWLEDGED: u8 = 1;

/// So many frames without a request may come at once, and so many a second.
const BURST: u64 = 2_000;
const A_SECOND: u64 = 500;
/// A request brings its own: a window that it opens, a reset, a priority.
const A_REQUEST: u64 = 4;
/// Who reads an answer opens windows for it and measures its line with pings: gRPC does both for each message, which has 14 bytes at least. What h2
/// answers to a ping or to settings is nothing that was read, so that no flood of them pays for itself.
const BYTES_FOR_ONE: u64 = 7;
const ANSWERED_PING: u64 = 17;
const ANSWERED_SETTINGS: u64 = 9;

/// `GOAWAY` with `ENHANCE_YOUR_CALM` (RFC 9113 §6.8, §7). Any stream may have been looked at: what was asked is not to be asked again unseen.
pub(super) const ENOUGH: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 11];

/// Where in the frames of a client it is.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes to come of what is passed over.
    skip: usize,
    head: [u8; HEAD],
    have: usize,
    /// The frame that is passed over is the last of a head.
    ends_head: bool,
    in_head: bool,
    /// How many heads have begun.
    heads: u64,
    pace: Pace,
}

/// How many more frames without a request are borne.
#[derive(Debug)]
struct Pace {
    left: u64,
    /// In milliseconds, when it was filled up last.
    filled: u64,
    /// Bytes that the client took and that are not counted yet.
    taken: u64,
    /// Bytes of answers to pings and settings, which it takes for nothing.
    owed: u64,
}

impl Frames {
    /// Of a connection of which nothing came yet, at this time in milliseconds.
    pub(super) fn new(now: u64) -> Self {
        let pace = Pace { left: BURST, filled: now, taken: 0, owed: 0 };
        Self { skip: PREFACE, head: [0; HEAD], have: 0, ends_head: false, in_head: false, heads: 0, pace }
    }

    /// Follows what has come at this time.
    ///
    /// # Errors
    /// Where it is more of what brings no request than anybody needs.
    pub(super) fn follow(&mut self, mut bytes: &[u8], now: u64) -> io::Result<()> {
        let mut is_borne = true;
        loop {
            let over = self.skip.min(bytes.len());
            self.skip -= over;
            bytes = bytes.get(over..).unwrap_or_default();
            if self.skip > 0 {
                break;
            }
            if std::mem::take(&mut self.ends_head) {
                self.in_head = false;
            }
            let Some((first, rest)) = bytes.split_first() else { break };
            if let Some(place) = self.head.get_mut(self.have) {
                *place = *first;
            }
            self.have += 1;
            bytes = rest;
            if self.have == HEAD {
                self.have = 0;
                is_borne &= self.begin(now);
            }
        }
        if is_borne { Ok(()) } else { Err(io::Error::other("a flood of frames without a request")) }
    }

    /// The head of a frame is there; whether the frame is borne.
    fn begin(&mut self, now: u64) -> bool {
        let [high, middle, low, kind, flags, ..] = self.head;
        self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        match kind {
            DATA => {}
            HEADERS | CONTINUATION => {
                self.in_head = true;
                self.ends_head = flags & END_HEADERS != 0;
                if kind == HEADERS {
                    self.heads += 1;
                    self.pace.more(A_REQUEST);
                }
            }
            PING if flags & ACKNOWLEDGED == 0 => return self.pace.answered(now, ANSWERED_PING),
            SETTINGS if flags & ACKNOWLEDGED == 0 => return self.pace.answered(now, ANSWERED_SETTINGS),
            _ => return self.pace.one(now),
        }
        true
    }

    /// Which head has begun and not ended, by its number.
    pub(super) fn head_under_way(&self) -> Option<u64> {
        self.in_head.then_some(self.heads)
    }

    /// The client took so many bytes.
    pub(super) fn took(&mut self, bytes: usize) {
        self.pace.took(u64::try_from(bytes).unwrap_or(0));
    }
}

impl Pace {
    fn more(&mut self, frames: u64) {
        self.left = self.left.saturating_add(frames).min(BURST);
    }

    fn took(&mut self, bytes: u64) {
        let answers = self.owed.min(bytes);
        self.owed -= answers;
        self.taken += bytes - answers;
    }

    /// Another one has come that is answered with so many bytes; whether it is borne.
    fn answered(&mut self, now: u64, bytes: u64) -> bool {
        self.owed += bytes;
        self.one(now)
    }

    /// Another one has come; whether it is borne.
    fn one(&mut self, now: u64) -> bool {
        if self.left == 0 {
            let earned = now.saturating_sub(self.filled) * A_SECOND / 1_000 + self.taken / BYTES_FOR_ONE;
            self.more(earned);
            (self.filled, self.taken) = (now, self.taken % BYTES_FOR_ONE);
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u8 = 8;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let head = [length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        [&head[..], &vec![0; payload]].concat()
    }

    fn begun() -> Frames {
        let mut frames = Frames::new(0);
        frames.follow(&[0; PREFACE], 0).unwrap();
        frames
    }

    /// How many frames of a kind are borne at this time, of so many.
    fn borne(frames: &mut Frames, kind: u8, now: u64, of: u64) -> u64 {
        let one = frame(kind, 0, 8);
        (0..of).find(|_| frames.follow(&one, now).is_err()).unwrap_or(of)
    }

    #[test]
    fn a_head_is_under_way_until_its_last_frame_is_there_however_the_bytes_come() {
        let stream = [
            (frame(4, 0, 12), None),
            (frame(HEADERS, 0, 3), Some(1)),
            (frame(CONTINUATION, 0, 0), Some(1)),
            (frame(CONTINUATION, END_HEADERS, 2), None),
            (frame(HEADERS, END_HEADERS | 1, 0), None),
            (frame(DATA, 0, 300), None),
            (frame(HEADERS, 1, 70_000), Some(3)),
        ];
        for at_once in [1, 2, 7, 100_000] {
            let mut frames = begun();
            for (bytes, head) in &stream {
                bytes.chunks(at_once).for_each(|some| frames.follow(some, 0).unwrap());
                assert_eq!(frames.head_under_way(), *head, "{:?} by {at_once}", &bytes[..HEAD]);
            }
        }
        let mut frames = begun();
        frames.follow(&frame(HEADERS, END_HEADERS, 5)[..HEAD + 4], 0).unwrap();
        assert_eq!(frames.head_under_way(), Some(1), "a byte is missing");
    }

    #[test]
    fn frames_without_a_request_are_borne_for_a_burst_by_time_and_for_what_was_asked_and_read() {
        let mut frames = begun();
        assert_eq!(borne(&mut frames, PING, 0, 10_000), BURST);
        assert_eq!(borne(&mut frames, 0x42, 0, 10), 0, "nor any other");
        assert_eq!(borne(&mut frames, PING, 2_000, 10_000), 2 * A_SECOND);
        frames.follow(&frame(HEADERS, END_HEADERS | 1, 5), 2_000).unwrap();
        assert_eq!(borne(&mut frames, PING, 2_000, 10_000), A_REQUEST);
        let pings = BURST + 2 * A_SECOND + A_REQUEST + 3;
        frames.took(usize::try_from(pings * ANSWERED_PING + 100 * BYTES_FOR_ONE).unwrap());
        assert_eq!(borne(&mut frames, WINDOW, 2_000, 10_000), 100);
        assert_eq!(borne(&mut frames, PING, 1_000_000, 10_000), BURST, "no more is saved up");
        let mut steady = begun();
        assert_eq!((0..600).map(|second| borne(&mut steady, PING, second * 1_000, 400)).sum::<u64>(), 240_000);
    }

    #[test]
    fn who_reads_small_messages_and_measures_its_line_is_borne_and_who_only_pings_is_not() {
        let (window, ping) = (frame(WINDOW, 0, 4), frame(PING, 0, 8));
        let mut reads = begun();
        for message in 0..100_000 {
            reads.took(14);
            let asks = [&window[..], &ping].concat();
            assert!(reads.follow(&asks, 0).is_ok(), "after {message} messages in no time");
            reads.took(17);
        }
        for (kind, answer) in [(PING, 17), (SETTINGS, 9)] {
            let (mut pings, one) = (begun(), frame(kind, 0, 0));
            let borne = (0..10_000).take_while(|_| {
                let is_borne = pings.follow(&one, 0).is_ok();
                pings.took(answer);
                is_borne
            });
            assert_eq!(borne.count(), usize::try_from(BURST).unwrap(), "{kind}");
            assert!(
                pings.follow(&frame(kind, ACKNOWLEDGED, 0), 0).is_err(),
                "an answer that nobody asked for is one more"
            );
        }
    }
}
