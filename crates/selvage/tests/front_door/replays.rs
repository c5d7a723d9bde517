//! Replays through the front door: a range is sent again to who takes it twice, paused, resumed and cancelled, with its progress and at
//! its rate, and a node that is killed in the middle of one goes on where it was.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::deliveries::{LANES, Receiver, append, place, run};
use crate::fixture::{Place, eventually, selvage, stdout};
use crate::two_nodes::database;

/// Events that each lane has.
const EVENTS: u64 = 20;

/// What a replay of this range comes to: how the command ends, and what it says.
fn replay(place: &Place, more: &[&str]) -> (bool, String) {
    let start = ["replays", "start", "mes-ghent/order-facts-v1", "--because", "the board lost its disk"];
    let data = place.data();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let output = selvage(&[&start[..], more, &data].concat());
    let told = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_a_range_again_to_who_takes_it_twice_and_says_that_it_does() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let policy = "retention: {for: 30d}\nreplay: {by: [owner], max_rate: 500/s}";
    place.edit("deliveries.yaml", "retention: {for: 30d}", policy);
    let served = place.serve(&place.data(), &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..6).await;
    eventually("all has arrived", || async { (receiver.of("wo-4").len() == 6).then_some(()) }).await;
    let (done, told) = replay(&place, &["--from", "1-2", "--by", "m.dewit"]);
    assert!(!done && told.contains("FAB7032"), "who does not say that an event twice does no harm gets none: {told}");

    place.edit("deliveries.yaml", "timeout: 2s", "timeout: 2s, idempotent: true");
    drop(served);
    let _served = place.serve(&place.data(), &[]);
    stands(&place, "active").await;
    let (done, told) = replay(&place, &["--from", "1-2", "--by", "somebody"]);
    assert!(!done && told.contains("who may replay"), "{told}");
    let (done, told) = replay(&place, &["--from", "1-25", "--by", "m.dewit"]);
    assert!(!done && told.contains("there is nothing"), "{told}");
    let (done, told) = replay(&place, &["--from", "2020-01-01T00:00Z", "--to", "2020-01-02T00:00Z", "--by", "m.dewit"]);
    assert!(!done && told.contains("there is nothing"), "nothing came then: {told}");
    let (done, told) = replay(&place, &["--from", "1-9", "--lane", "wo-1", "--lane", "wo-l", "--by", "m.dewit"]);
    assert!(!done && told.contains("FAB7032") && told.contains("no event of `wo-l`"), "a slip of the pen: {told}");
    let (done, told) = replay(&place, &["--from", "1-9", "--to", "1-20", "--lane", "wo-1", "--by", "m.dewit"]);
    assert!(done, "{told}");
    let again = || async {
        let taken = receiver.taken.lock().unwrap();
        (taken.lanes["wo-1"].len() == 9).then(|| taken.lanes["wo-1"].clone())
    };
    let lane = eventually("the range has come again", again).await;
    assert_eq!(lane, [0, 1, 2, 3, 4, 5, 2, 3, 4], "in order, and nothing else");
    let ended = || async {
        let data = place.data();
        let data: Vec<&str> = data.iter().map(String::as_str).collect();
        let listed = stdout(&selvage(&[&["replays", "list", "--ended"][..], &data].concat()));
        listed.contains("everything was sent again").then_some(listed)
    };
    let listed = eventually("the replay has ended", ended).await;
    assert!(listed.contains("m.dewit"), "{listed}");
    let taken = receiver.taken.lock().unwrap();
    assert_eq!((taken.lanes["wo-4"].len(), taken.replayed.len()), (6, 3), "each is marked");
    assert_eq!(taken.ids[&("wo-1".to_owned(), 2)].len(), 2, "it is another message about the same event");
    drop(taken);
    let (done, told) = replay(&place, &["--from", "1-23", "--to", "1-900", "--by", "m.dewit"]);
    assert!(done && told.contains("the newest event is 1-24: the replay ends there, and not at 1-900"), "{told}");
}

/// Events of one subscription go to the endpoint of another of its consumer, where that takes an event twice; its own does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_goes_to_the_endpoint_of_another_subscription_of_its_consumer() {
    let receiver = Receiver::start();
    let place = place(&receiver).await;
    let policy = "retention: {for: 30d}\nreplay: {by: [owner], max_rate: 500/s}";
    place.edit("deliveries.yaml", "retention: {for: 30d}", policy);
    let first = "kind: Subscription\nconsumer: mes-ghent";
    let standby = "kind: Subscription\nname: standby\nconsumer: mes-ghent\ninterface: order-facts@1\n\
                   events: [manufacturing.work-order.completed]\nfrom: newest\n\
                   deliver: {system: board, path: /standby, signing: standard-webhooks, secret: {secret: board/hooks}, \
                   timeout: 9s, idempotent: true}\n---\n";
    place.edit("deliveries.yaml", first, &format!("{standby}{first}"));
    let _served = place.serve(&place.data(), &[]);
    stands(&place, "active").await;
    eventually("the other one is active", || async {
        run(&place, &["subscriptions", "show", "mes-ghent/standby"]).contains("state      active").then_some(())
    })
    .await;
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..6).await;
    // Of each event one message for each subscription.
    let ids = || receiver.taken.lock().unwrap().ids.values().map(BTreeSet::len).sum::<usize>();
    eventually("all has arrived twice", || async { (ids() == 2 * 6 * LANES.len()).then_some(()) }).await;
    let (done, told) = replay(&place, &["--from", "oldest", "--by", "m.dewit", "--target", "mes-ghent/nobody"]);
    assert!(!done && told.contains("nobody"), "{told}");
    let refused =
        ["replays", "start", "mes-ghent/standby", "--because", "a slip", "--from", "oldest", "--by", "m.dewit"];
    let data = place.data();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    let refused = selvage(&[&refused[..], &["--target", "mes-ghent/order-facts-v1"], &data].concat());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("FAB7300") && told.contains("idempotent"), "{told}");
    let (done, told) = replay(&place, &["--from", "oldest", "--by", "m.dewit", "--target", "mes-ghent/standby"]);
    assert!(done, "its own endpoint does not say that an event twice does no harm, and the other does: {told}");
    let listed = || stdout(&selvage(&[&["replays", "list", "--ended", "--json"][..], &data].concat()));
    let ended = || async { listed().contains("everything was sent again").then(listed) };
    let listed: Value = serde_json::from_str(&eventually("the replay has ended", ended).await).unwrap();
    let (replay, all) = (&listed[0], 6 * LANES.len());
    assert_eq!((&replay["of"], &replay["sent_as"]), (&"mes-ghent/order-facts-v1".into(), &"mes-ghent/standby".into()));
    assert_eq!(replay["target"], "board /standby", "{replay:#}");
    assert_eq!(receiver.taken.lock().unwrap().replayed.len(), all);
    assert!(run(&place, &["ledger", "list"]).contains("mes-ghent/standby"), "the ledger says to which");
}

/// Waits until the subscription itself stands so.
async fn stands(place: &Place, how: &str) {
    let listed = || run(place, &["subscriptions", "show", "mes-ghent/order-facts-v1"]);
    let stands = format!("state      {how}");
    eventually(&stands, || async { listed().contains(&stands).then_some(()) }).await;
}

/// A place whose interface lets its owner replay it at this rate at most, to a receiver that takes an event twice.
async fn repeatable(receiver: &Receiver, most: &str) -> Place {
    let place = place(receiver).await;
    let policy = format!("retention: {{for: 30d}}\nreplay: {{by: [owner], max_rate: {most}}}");
    place.edit("deliveries.yaml", "retention: {for: 30d}", &policy);
    place.edit("deliveries.yaml", "timeout: 2s", "timeout: 2s, idempotent: true");
    place
}

/// Everything has arrived once.
async fn arrived(receiver: &Receiver) {
    let all = || async { LANES.iter().all(|lane| receiver.of(lane).len() as u64 == EVENTS).then_some(()) };
    eventually("everything has arrived", all).await;
}

/// Starts a replay of everything; its id.
fn begun(place: &Place, store: &[String], rate: &str) -> String {
    let start = ["replays", "start", "mes-ghent/order-facts-v1", "--from", "oldest", "--by", "m.dewit"];
    let store: Vec<&str> = store.iter().map(String::as_str).collect();
    let more = ["--because", "the board lost its disk", "--rate", rate];
    let output = selvage(&[&start[..], &more, &store].concat());
    let told = stdout(&output) + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("has begun"), "{}: {told}", place.fabric().display());
    told.split_whitespace().find(|word| word.starts_with("rpl_")).unwrap().to_owned()
}

/// How a replay stands: its state, and how far it is, from 0 to 1, as JSON and as the table say it.
fn standing(store: &[String], id: &str) -> (String, f64) {
    let store: Vec<&str> = store.iter().map(String::as_str).collect();
    let list = |json: &[&str]| stdout(&selvage(&[&["replays", "list", "--ended"][..], json, &store].concat()));
    let listed: Value = serde_json::from_str(&list(&["--json"])).unwrap();
    let replay = listed.as_array().unwrap().iter().find(|replay| replay["id"] == id).unwrap();
    let offset = |name: &str| {
        let position = replay[name].as_str().unwrap_or_default();
        position.rsplit('-').next().and_then(|offset| offset.parse::<f64>().ok())
    };
    let (after, through) = (offset("after").unwrap(), offset("through").unwrap());
    let done = (offset("at").unwrap_or(after) - after) / (through - after);
    assert!((0.0..=1.0).contains(&done), "{listed:#}");
    (replay["state"].as_str().unwrap().to_owned(), done)
}

/// How much was sent again, once nothing more comes for a while.
async fn at_rest(receiver: &Receiver) -> usize {
    let replayed = || receiver.taken.lock().unwrap().replayed.len();
    eventually("nothing more is sent", || async {
        let before = replayed();
        tokio::time::sleep(Duration::from_secs(2)).await;
        (replayed() == before).then_some(before)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_paused_resumed_and_cancelled_and_says_how_far_it_is() {
    let receiver = Receiver::start();
    let place = repeatable(&receiver, "500/s").await;
    let data = place.data();
    let _served = place.serve(&data, &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..EVENTS).await;
    arrived(&receiver).await;
    let replayed = || receiver.taken.lock().unwrap().replayed.clone();
    let all = EVENTS as usize * LANES.len();

    let id = begun(&place, &data, "10/s");
    let done = eventually("it is in the middle", || async {
        let (state, done) = standing(&data, &id);
        (state == "active" && done > 0.0).then_some(done)
    })
    .await;
    let table = run(&place, &["replays", "list"]);
    assert!(table.contains(" %") && table.contains("m.dewit") && table.contains(&id), "{table}");
    for (what, said) in
        [("target", "board /hooks"), ("rate", "10/s"), ("reason", "the board lost its disk"), ("lanes", "all")]
    {
        assert!(table.contains(said), "{what}: {table}");
    }
    let paused = run(&place, &["replays", "pause", &id, "--because", "the board is full"]);
    assert!(paused.contains("is paused"), "{paused}");
    let sent = at_rest(&receiver).await;
    assert!((1..all).contains(&sent), "{sent} of {all} were sent before it was paused");
    let (state, at) = standing(&data, &id);
    assert!(state == "suspended" && done <= at && at < 1.0, "{state} at {at}, and it was at {done}");
    assert!(run(&place, &["subscriptions", "list"]).contains("active"), "what it repeats goes on");

    assert!(run(&place, &["replays", "resume", &id, "--because", "there is room"]).contains("goes on"));
    eventually("it has ended", || async { (standing(&data, &id).0 == "ended").then_some(()) }).await;
    let listed = run(&place, &["replays", "list", "--ended"]);
    assert!(listed.contains("100 %"), "it says that all of it was sent: {listed}");
    let sent = replayed();
    // Not even what arrived before others that came earlier in the log: each event is sent again once.
    for lane in LANES {
        let of_lane: Vec<u64> = sent.iter().filter(|(other, _)| other == lane).map(|(_, number)| *number).collect();
        assert_eq!(of_lane, (0..EVENTS).collect::<Vec<_>>(), "{lane}");
    }

    let id = begun(&place, &data, "10/s");
    let before = sent.len();
    let in_the_middle = || replayed().len() > before && standing(&data, &id).1 > 0.0;
    eventually("it is in the middle", || async { in_the_middle().then_some(()) }).await;
    assert!(run(&place, &["replays", "cancel", &id, "--because", "not needed"]).contains("has ended"));
    let sent = at_rest(&receiver).await;
    assert!(sent < 2 * all, "it was sent whole");
    let (state, at) = standing(&data, &id);
    assert!(state == "ended" && at > 0.0 && at < 1.0, "{state} at {at}: how far it came is known");
    let ledger = run(&place, &["ledger", "list"]);
    assert!(ledger.contains("replay.requested") && ledger.contains("not needed"), "{ledger}");
}

/// A replay is no way round a person's word, nor round what a receiver asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_waits_while_what_it_repeats_stands_still() {
    let receiver = Receiver::start();
    let place = repeatable(&receiver, "500/s").await;
    let data = place.data();
    let _served = place.serve(&data, &[]);
    let url = format!("sqlite:{}", place.path("data/selvage.db").display());
    append(&url, 0..EVENTS).await;
    arrived(&receiver).await;
    let act = |act: &str| run(&place, &["subscriptions", act, "mes-ghent/order-facts-v1", "--because", "the board"]);
    let sent = || receiver.taken.lock().unwrap().replayed.len();
    let id = begun(&place, &data, "10/s");
    eventually("it is in the middle", || async { (sent() > 0).then_some(()) }).await;
    let waits = |because: &'static str| {
        let place = &place;
        eventually("it waits", move || async move {
            let listed = run(place, &["replays", "list"]);
            (listed.contains("waiting: what it repeats stands still") && listed.contains(because)).then_some(())
        })
    };

    act("suspend");
    waits("is suspended").await;
    let before = at_rest(&receiver).await;
    let (done, told) = replay(&place, &["--from", "oldest", "--by", "m.dewit"]);
    assert!(!done && told.contains("FAB5222") && told.contains("suspended"), "{told}");
    act("resume");
    eventually("it goes on by itself", || async { (sent() > before).then_some(()) }).await;

    receiver.answers(|_| 429);
    append(&url, EVENTS..EVENTS + 1).await;
    waits("asked to be left alone until").await;
    receiver.answers(|_| 200);
    let before = at_rest(&receiver).await;
    act("suspend");
    act("resume");
    eventually("it has ended", || async { (standing(&data, &id).0 == "ended").then_some(()) }).await;
    assert!(sent() > before);
    for lane in LANES {
        let again: BTreeSet<u64> =
            receiver.taken.lock().unwrap().replayed.iter().filter(|it| it.0 == lane).map(|it| it.1).collect();
        assert_eq!(again, (0..EVENTS).collect(), "{lane}: nothing is left out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_ends_where_its_receiver_is_another_or_takes_nothing_twice() {
    let receiver = Receiver::start();
    let place = repeatable(&receiver, "500/s").await;
    let data = place.data();
    let _served = place.serve(&data, &["--watch"]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..EVENTS).await;
    arrived(&receiver).await;
    for (before, after, because) in [
        ("path: /hooks", "path: /other", "the events go to board /other now"),
        (", idempotent: true", "", "declares no more that an event twice does no harm"),
    ] {
        stands(&place, "active").await;
        let id = begun(&place, &data, "1/s");
        place.edit("deliveries.yaml", before, after);
        eventually("it has ended", || async { (standing(&data, &id).0 == "ended").then_some(()) }).await;
        let listed = run(&place, &["replays", "list", "--ended"]);
        assert!(listed.contains(because), "{listed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_no_faster_than_the_interface_lets_whatever_was_asked_for() {
    let receiver = Receiver::start();
    let place = repeatable(&receiver, "10/s").await;
    let data = place.data();
    let _served = place.serve(&data, &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..EVENTS).await;
    arrived(&receiver).await;
    let began = Instant::now();
    let id = begun(&place, &data, "1000/s");
    eventually("it has ended", || async { (standing(&data, &id).0 == "ended").then_some(()) }).await;
    let sent = receiver.taken.lock().unwrap().replayed.len();
    assert_eq!(sent as u64, EVENTS * LANES.len() as u64);
    // A second's worth may go at once; a slow machine is only slower.
    let least = (sent as f64 - 10.0) / 10.0;
    assert!(began.elapsed().as_secs_f64() >= least, "{sent} were sent in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_side_by_side_are_together_no_faster_than_the_interface_lets_and_say_so() {
    let receiver = Receiver::start();
    let place = repeatable(&receiver, "20/s").await;
    let data = place.data();
    let _served = place.serve(&data, &[]);
    append(&format!("sqlite:{}", place.path("data/selvage.db").display()), 0..EVENTS).await;
    arrived(&receiver).await;
    let began = Instant::now();
    let ids = [begun(&place, &data, "1000/s"), begun(&place, &data, "1000/s"), begun(&place, &data, "5/s")];
    let told = || async {
        let listed: Value = serde_json::from_str(&run(&place, &["replays", "list", "--json"])).unwrap();
        let of = |id: &String| listed.as_array()?.iter().find(|replay| &replay["id"] == id).cloned();
        let [first, _, slow] = ids.each_ref().map(of);
        Some((first?, slow?)).filter(|(first, _)| first["shared_by"] == 3)
    };
    let (first, slow) = eventually("all three go", told).await;
    assert_eq!((&first["rate"], &first["asked_rate"]), (&"20/s".into(), &"1000/s".into()), "{first:#}");
    assert_eq!((&slow["rate"], &slow["interface_rate"]), (&"5/s".into(), &"20/s".into()), "{slow:#}");
    assert!(run(&place, &["replays", "list"]).contains("20/s shared by"), "the table says so, too");
    for id in &ids {
        eventually("it has ended", || async { (standing(&data, id).0 == "ended").then_some(()) }).await;
    }
    let sent = receiver.taken.lock().unwrap().replayed.len();
    assert_eq!(sent, 3 * EVENTS as usize * LANES.len());
    // A second's worth may go at once; a slow machine is only slower.
    let least = (sent as f64 - 20.0) / 20.0;
    assert!(began.elapsed().as_secs_f64() >= least, "{sent} were sent in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_whose_node_is_killed_goes_on_where_it_was() {
    let receiver = Receiver::start();
    let place = repeatable(&receiver, "500/s").await;
    let store = database().await;
    let mut first = place.serve(&store, &["--lease", "2s"]);
    append(&store[1], 0..EVENTS).await;
    arrived(&receiver).await;
    let id = begun(&place, &store, "10/s");
    // The first event of each lane is behind it.
    let in_the_middle = || async { Some(standing(&store, &id)).filter(|(_, done)| *done >= 0.25) };
    let (state, done) = eventually("it is in the middle", in_the_middle).await;
    first.process.kill();
    assert!(state == "active" && done < 1.0, "{state} at {done}");
    let _second = place.serve(&store, &["--lease", "2s"]);
    eventually("it has ended", || async { (standing(&store, &id).0 == "ended").then_some(()) }).await;
    let sent = receiver.taken.lock().unwrap().replayed.clone();
    for lane in LANES {
        let of_lane: Vec<u64> = sent.iter().filter(|(other, _)| other == lane).map(|(_, number)| *number).collect();
        assert_eq!(of_lane.iter().filter(|number| **number == 0).count(), 1, "it did not begin again: {of_lane:?}");
        assert!((0..EVENTS).all(|number| of_lane.contains(&number)), "{of_lane:?}");
    }
    let taken = receiver.taken.lock().unwrap();
    assert!(taken.ids.values().all(|ids| ids.len() == 2), "one id for what was sent, and one for what was sent again");
}
