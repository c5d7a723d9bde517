//! Carries one write through: does what the state machine says, tells it how that went, and keeps every step in the
//! store before the next. It decides nothing itself.

use std::time::{Duration, Instant};

use selvage_model::code;
use selvage_model::operation::StoredAnswer;
use selvage_model::problem::Problem;
use selvage_store::{Echo, EffectId, StoreError};

use crate::answer;
use crate::deed::{Deed, Left, Shown, Stood};
use crate::hold::Hold;
use crate::job::{Job, Unread};
use crate::persist::persist;
use crate::scope;
use crate::state::{Event, Patience, Progress, Step, next};
use crate::trouble::Trouble;

/// How a hold on a write ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// Done; kept for the key.
    Done(StoredAnswer),
    /// Refused; kept for the key.
    Refused(Problem),
    /// Nothing was done and the key may be used again.
    GivenBack(Problem),
    /// Looked up later, or by a person.
    Open,
    /// Somebody else goes on with it, or the store cannot be written: nothing more is done here.
    Lost,
}

impl Ending {
    /// Its word in the log.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Refused(_) => "refused",
            Self::GivenBack(_) => "given back",
            Self::Open => "open",
            Self::Lost => "lost",
        }
    }
}

/// A write on its way.
pub(crate) struct Drive<'a> {
    job: &'a Job,
    hold: Hold,
    deed: Deed,
    progress: Progress,
    patience: Patience,
    /// What was said last, for whoever is told of the end.
    said: Problem,
    shown: Option<Shown>,
    effect: Option<EffectId>,
    sent: Instant,
}

impl<'a> Drive<'a> {
    /// Ready to go on from this progress.
    pub(crate) fn new(job: &'a Job, hold: Hold, deed: Deed, progress: Progress) -> Self {
        let patience = Patience::of(job.served.connection.longest_transaction());
        let said = Problem::new(503, code::GIVEN_BACK, "the write was not begun");
        Self { job, hold, deed, progress, patience, said, shown: None, effect: None, sent: Instant::now() }
    }

    /// Carries it on until it ends, is let go of, or is lost.
    pub(crate) async fn run(mut self, first: Event) -> Ending {
        let operation = self.hold.operation.clone();
        if first == Event::TakenOver {
            self.said.detail = "the node that worked on it went silent with an effect on record".to_owned();
        }
        self.steps(first).await.unwrap_or_else(|error| {
            tracing::info!(%operation, %error, "write left to whoever takes it over");
            Ending::Lost
        })
    }

    async fn steps(&mut self, first: Event) -> Result<Ending, StoreError> {
        let mut event = first;
        loop {
            let (progress, step) = next(self.progress, event, &self.patience);
            tracing::debug!(operation = %self.hold.operation, ?event, ?step, "write");
            self.progress = progress;
            event = match step {
                Step::Prepare(pause) => self.prepare(pause).await?,
                Step::Record => self.record().await?,
                Step::Send(pause) => self.send(pause).await?,
                Step::ReadBack(pause) => self.read_back(pause).await?,
                Step::Probe => self.probe().await?,
                Step::Finish => return self.finish().await,
                Step::Refuse => return self.refuse().await,
                Step::GiveBack => return self.give_back().await,
                Step::LookAfterSend(time) => return self.let_go(time.saturating_sub(self.sent.elapsed())).await,
                Step::LookLater(time) => return self.let_go(time).await,
                Step::Stop => return self.stop().await,
            };
        }
    }

    async fn prepare(&mut self, pause: Duration) -> Result<Event, StoreError> {
        let outcome = {
            let work = async {
                tokio::time::sleep(pause).await;
                self.deed.prepare(self.job).await
            };
            while_held(&self.hold, work).await?
        };
        Ok(outcome.map_or_else(|trouble| self.troubled(&trouble), |()| Event::Prepared))
    }

    async fn record(&mut self) -> Result<Event, StoreError> {
        let entered = while_held(&self.hold, self.deed.enter_lane(self.job, self.hold.epoch)).await??;
        if let Err(trouble) = entered {
            return Ok(self.troubled(&trouble));
        }
        let Some(effect) = self.deed.effect(self.job) else {
            self.said = Problem::new(500, code::OUTCOME_UNFOUND, "nothing was prepared that could be recorded");
            return Ok(Event::Differs);
        };
        // INVARIANT: ONE-EFFECT: what is meant is on record before it leaves, and marked as leaving before it does.
        let (store, hold) = (&self.job.shared.store, &self.hold);
        let id = persist(|| store.intend(&hold.operation, hold.epoch, &effect)).await?;
        persist(|| store.sent(&id, hold.epoch)).await?;
        self.effect = Some(id);
        Ok(Event::Recorded)
    }

    async fn send(&mut self, pause: Duration) -> Result<Event, StoreError> {
        if !pause.is_zero() {
            while_held(&self.hold, tokio::time::sleep(pause)).await?;
            if let Some(id) = &self.effect {
                persist(|| self.job.shared.store.sent(id, self.hold.epoch)).await?;
            }
        }
        if !self.hold.is_sure() {
            return Err(lost(&self.hold));
        }
        let outcome = while_held(&self.hold, self.deed.send(self.job, self.hold.sure())).await?;
        // INVARIANT: ONE-EFFECT: whatever left, left before now; counted from its begin it could be looked for too early.
        self.sent = Instant::now();
        Ok(outcome.map_or_else(|failure| self.troubled(&failure.into()), |()| Event::Committed))
    }

    async fn read_back(&mut self, pause: Duration) -> Result<Event, StoreError> {
        let outcome = {
            let work = async {
                tokio::time::sleep(pause).await;
                self.deed.read_back(self.job).await
            };
            while_held(&self.hold, work).await?
        };
        Ok(match outcome {
            Ok(shown) => {
                self.shown = Some(shown);
                Event::Shown
            }
            Err(Unread::Differs(words)) => {
                self.said = Problem::new(502, code::NOT_AS_MEANT, words);
                Event::Differs
            }
            Err(Unread::Trouble(trouble)) => match self.troubled(&trouble) {
                // A read that is refused or not understood says nothing about the write before it.
                Event::Refused | Event::Differs => Event::Unusable,
                event => event,
            },
        })
    }

    async fn probe(&mut self) -> Result<Event, StoreError> {
        let outcome = while_held(&self.hold, self.deed.probe(self.job)).await?;
        Ok(match outcome {
            Ok(true) => Event::Found,
            Ok(false) => Event::Absent,
            Err(failure) => self.troubled(&failure.into()),
        })
    }

    async fn finish(&mut self) -> Result<Ending, StoreError> {
        let Some(shown) = self.shown.take() else { return self.stop().await };
        let Shown { answer, reference, evidence, left } = shown;
        if let Some(left) = left {
            self.note(left).await;
        }
        let (store, hold) = (&self.job.shared.store, &self.hold);
        let finish = || store.finish(&hold.operation, hold.epoch, &answer, reference.as_ref(), &evidence);
        match persist(finish).await {
            // The record has another key by now: the answer stands, the reference does not move in silence.
            Err(StoreError::Taken { key, record, .. }) => {
                tracing::warn!(operation = %hold.operation, key, record, "cross-reference stands otherwise");
                persist(|| store.finish(&hold.operation, hold.epoch, &answer, None, &evidence)).await?;
            }
            other => other?,
        }
        Ok(Ending::Done(answer))
    }

    /// So that captures know again what this write left. Where it cannot be noted, they tell it as anybody's.
    async fn note(&self, Left { record, id, content, stood, wrote }: Left) {
        let (job, system) = (self.job, self.job.system());
        if !job.active.is_captured(system, &record) {
            return;
        }
        let (store, effect) = (&job.shared.store, self.hold.operation.to_string());
        let noted = match stood {
            Stood::Unknown => store.hint_capture(system, &record, id).await.map(drop),
            Stood::Nothing => {
                store.note_echo(system, &record, &Echo { record: id, content, stood: None, wrote, effect }).await
            }
            Stood::So(stood) => {
                let stood = Some(stood);
                store.note_echo(system, &record, &Echo { record: id, content, stood, wrote, effect }).await
            }
        };
        if let Err(error) = noted {
            tracing::warn!(operation = %self.hold.operation, %error, "captures do not know what this write left");
        }
        job.shared.captures.hinted.notify_waiters();
    }

    async fn refuse(&mut self) -> Result<Ending, StoreError> {
        let (store, hold) = (&self.job.shared.store, &self.hold);
        let answer = answer::of_problem(&self.said, &self.job.asked.correlation);
        persist(|| store.refuse(&hold.operation, hold.epoch, &answer)).await?;
        Ok(Ending::Refused(self.said.clone()))
    }

    async fn give_back(&mut self) -> Result<Ending, StoreError> {
        let (store, hold) = (&self.job.shared.store, &self.hold);
        let kept = self.job.shared.config.key_lifetime;
        let because = self.kept_words();
        persist(|| store.give_back(&hold.operation, hold.epoch, kept, because)).await?;
        Ok(Ending::GivenBack(given_back(&scope::veiled_words(&self.job.asked.scope, self.said.clone()))))
    }

    async fn let_go(&mut self, time: Duration) -> Result<Ending, StoreError> {
        let (store, hold) = (&self.job.shared.store, &self.hold);
        let because = self.kept_words();
        persist(|| store.unknown(&hold.operation, hold.epoch, time, because)).await?;
        Ok(Ending::Open)
    }

    async fn stop(&mut self) -> Result<Ending, StoreError> {
        let (store, hold) = (&self.job.shared.store, &self.hold);
        let code = match self.said.code {
            code::NOT_AS_MEANT | code::ODOO_MISMATCH => self.said.code,
            _ => code::OUTCOME_UNFOUND,
        };
        let hint = self.deed.whereabouts().map_or_else(String::new, |hint| format!("; {hint}"));
        let because = format!("{code}: {} (sent {} times){hint}", self.kept_words(), self.progress.sends);
        tracing::error!(operation = %hold.operation, because, "write needs a person");
        persist(|| store.stuck(&hold.operation, hold.epoch, &because)).await?;
        Ok(Ending::Open)
    }

    /// What was said, as it may stand in the store, the log and the console.
    fn kept_words(&self) -> &str {
        scope::kept_words(&self.job.served.object, &self.said)
    }

    fn troubled(&mut self, trouble: &Trouble) -> Event {
        self.said = trouble.problem(self.job.system());
        trouble.event()
    }
}

/// What the caller of a write is told whose system could not take it.
pub(crate) fn given_back(said: &Problem) -> Problem {
    let detail = format!("{}. Nothing was done: send it again with the same key", said.detail);
    let code = if said.code == code::RECORD_UNSETTLED { said.code } else { code::GIVEN_BACK };
    let problem = Problem::new(said.status.max(502), code, detail);
    problem.retry_after(said.retry_after.unwrap_or(5))
}

/// Work that is dropped when the hold is lost. INVARIANT: ONE-EFFECT: a claimant that was fenced off stops.
async fn while_held<T>(hold: &Hold, work: impl Future<Output = T>) -> Result<T, StoreError> {
    tokio::select! {
        biased;
        () = hold.lost() => Err(lost(hold)),
        outcome = work => Ok(outcome),
    }
}

fn lost(hold: &Hold) -> StoreError {
    StoreError::Fenced { operation: hold.operation.clone(), epoch: hold.epoch }
}
