//! Gathers what the page of lanes shows: of lanes that are set aside and of parked records a page each, and how many there are of all.
//! Changes nothing.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use selvage_control::ViewLanes;
use selvage_delivery::{Figure, Figures};
use selvage_model::overview::{LaneRow, LanesAsked, LanesView, Paged, RecordRow, SubscriptionRow};
use selvage_model::subscription::SubscriptionState;
use selvage_store::{LaneChoice, LaneCounts, LanePlace, LaneView, ParkedRecord, Store, StoreError, SubscriptionView};

/// The console's view of lanes, of all nodes; empty where the store does not answer. How late something is only who delivers it knows.
pub(crate) fn lanes(store: Store, figures: Figures) -> ViewLanes {
    Arc::new(move |asked| {
        let (store, figures) = (store.clone(), figures.clone());
        Box::pin(async move {
            view(&store, &figures, &asked).await.unwrap_or_else(|error| {
                tracing::warn!("lanes cannot be shown: {error}");
                LanesView::default()
            })
        })
    })
}

async fn view(store: &Store, figures: &Figures, asked: &LanesAsked) -> Result<LanesView, StoreError> {
    let (counts, figures) = (store.lane_counts().await?, figures.all());
    let subscriptions = store.subscription_views().await?.into_iter();
    let alive = subscriptions.filter(|view| view.subscription.state != SubscriptionState::Ended);
    let (records, next) =
        store.records_page(&LaneChoice::default(), place(asked.records.as_deref()), LanesView::PAGE).await?;
    Ok(LanesView {
        now: Timestamp::now(),
        parked: page(store, true, asked.parked.as_deref(), counts.parked.values().sum()).await?,
        retrying: page(store, false, asked.retrying.as_deref(), counts.retrying.values().sum()).await?,
        waiting: counts.waiting,
        records: Paged {
            rows: records.into_iter().map(record_row).collect(),
            all: store.parked_records().await?,
            next: next.map(|next| next.to_string()),
        },
        subscriptions: alive.map(|view| subscription_row(&view, &counts, &figures)).collect(),
    })
}

/// Where a page before ended; the beginning where that is no place.
fn place<P: FromStr>(after: Option<&str>) -> Option<P> {
    after?.parse().ok()
}

async fn page(store: &Store, is_parked: bool, after: Option<&str>, all: u64) -> Result<Paged<LaneRow>, StoreError> {
    let which = LaneChoice { is_parked: Some(is_parked), ..LaneChoice::default() };
    let (lanes, next) = store.lanes_page(&which, place::<LanePlace>(after).as_ref(), LanesView::PAGE).await?;
    let rows = lanes.into_iter().map(lane_row).collect();
    Ok(Paged { rows, all, next: next.map(|next| next.to_string()) })
}

fn lane_row(lane: LaneView) -> LaneRow {
    LaneRow {
        subscription: lane.label,
        interface: lane.interface,
        lane: lane.lane.to_string(),
        waiting: lane.waiting,
        cause: lane.cause,
        because: lane.because,
        attempts: lane.attempts,
        since: lane.since,
        due: lane.due,
        letter: lane.letter,
    }
}

fn record_row(record: ParkedRecord) -> RecordRow {
    RecordRow {
        record: record.label(),
        interface: record.interface,
        cause: record.parked.cause,
        code: record.parked.code,
        because: record.parked.reason,
        since: record.parked.since,
    }
}

fn subscription_row(
    view: &SubscriptionView,
    counts: &LaneCounts,
    figures: &BTreeMap<String, Figure>,
) -> SubscriptionRow {
    let (id, label) = (&view.subscription.id, view.subscription.label());
    let here = figures.get(&label).filter(|figure| figure.here);
    let terms = &view.subscription.terms;
    SubscriptionRow {
        interface: view.subscription.interface.clone(),
        to: terms.deliver.as_ref().map(|it| format!("{} {}", it.system, it.path)),
        state: view.subscription.state,
        because: view.subscription.because.clone(),
        waits: view.waits.clone(),
        behind: view.head.zip(view.position).map(|(head, at)| head.offset().saturating_sub(at.offset())),
        lag: figures.get(&label).and_then(|figure| figure.lag),
        agreed: terms.lag,
        retrying: counts.retrying.get(id).copied().unwrap_or_default(),
        parked: counts.parked.get(id).copied().unwrap_or_default(),
        down: here.is_some_and(|figure| figure.down),
        withheld: view.withheld,
        passed: view.passed.as_ref().map(|passed| (passed.places, passed.last.says())),
        held_until: view.held_until.filter(|until| *until > Timestamp::now()),
        label,
    }
}
