use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn name(text: &str) -> HostName {
    HostName::new(text).unwrap()
}

fn found(addresses: &[&str], seconds: u64) -> FamilyAnswer {
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    FamilyAnswer::Addresses { addresses, ttl: Duration::from_secs(seconds) }
}

fn none() -> FamilyAnswer {
    FamilyAnswer::None("there is no such name".to_owned())
}

fn failed() -> FamilyAnswer {
    FamilyAnswer::Failed("no server answered".to_owned())
}

/// A cache with one name, and the time.
struct Story {
    cache: NameCache,
    now: SystemTime,
}

impl Story {
    fn new() -> Self {
        Self { cache: NameCache::default(), now: SystemTime::UNIX_EPOCH + Duration::from_hours(400_000) }
    }

    fn learn(&mut self, v4: FamilyAnswer, v6: FamilyAnswer) -> bool {
        self.cache.learn([(name("db"), LookedUp { v4, v6 })], self.now)
    }

    fn addresses(&self) -> Vec<String> {
        self.answer().addresses.iter().map(ToString::to_string).collect()
    }

    fn answer(&self) -> Answer {
        self.cache.answers(&BTreeSet::from([name("db")])).remove(&name("db")).unwrap()
    }

    /// How long until the name is asked for again.
    fn wait(&self) -> Duration {
        self.cache.next_due(&BTreeSet::from([name("db")]), self.now).unwrap()
    }
}

#[test]
fn an_answer_holds_for_its_life_time_within_bounds() {
    let mut story = Story::new();
    assert_eq!(story.wait(), Duration::ZERO, "what is not known is due");
    for (ttl, expected) in [(0, SHORTEST), (300, 5 * MINUTE), (1_000_000, LONGEST)] {
        story.learn(found(&["10.0.0.1"], ttl), none());
        assert_eq!(story.wait(), expected);
    }
    story.learn(found(&["10.0.0.1"], 600), found(&["2001:db8::1"], 60));
    assert_eq!(story.wait(), MINUTE, "the shorter of both");
    let names = BTreeSet::from([name("db"), name("new")]);
    assert_eq!(story.cache.due(&names, story.now), BTreeSet::from([name("new")]));
    assert_eq!(story.cache.due(&names, story.now + MINUTE), names);
}

#[test]
fn only_other_addresses_are_a_change() {
    let mut story = Story::new();
    assert!(story.learn(found(&["10.0.0.2", "10.0.0.1"], 60), none()));
    assert!(!story.learn(found(&["10.0.0.1", "10.0.0.2", "10.0.0.1"], 60), none()), "in another order");
    assert_eq!(story.addresses(), ["10.0.0.1", "10.0.0.2"]);
    assert!(story.learn(found(&["10.0.0.3"], 60), found(&["2001:db8::1"], 60)));
    assert_eq!(story.addresses(), ["10.0.0.3", "2001:db8::1"]);
    assert!(story.learn(found(&["10.0.0.3"], 60), none()), "it has no address of that family any more");
    assert_eq!((story.addresses(), story.answer().failure), (vec!["10.0.0.3".to_owned()], None));
}

#[test]
fn a_name_that_stops_resolving_keeps_its_last_answer_and_tells_why() {
    for (v4, v6) in [(failed(), failed()), (none(), none()), (none(), failed()), (found(&[], 60), none())] {
        let mut story = Story::new();
        story.learn(found(&["10.0.0.1"], 60), found(&["2001:db8::1"], 60));
        let resolved = story.cache.known(&name("db")).unwrap().resolved();
        story.now += MINUTE;
        assert!(!story.learn(v4, v6));
        assert_eq!(story.addresses(), ["10.0.0.1", "2001:db8::1"]);
        assert!(story.answer().failure.is_some());
        assert_eq!(story.cache.known(&name("db")).unwrap().resolved(), resolved);
    }
}

#[test]
fn a_family_that_nobody_could_ask_for_keeps_its_addresses() {
    let mut story = Story::new();
    story.learn(found(&["10.0.0.1"], 60), found(&["2001:db8::1"], 60));
    assert!(story.learn(found(&["10.0.0.2"], 60), failed()));
    assert_eq!(story.addresses(), ["10.0.0.2", "2001:db8::1"]);
    assert_eq!(story.answer().failure.as_deref(), Some("no server answered"));
}

#[test]
fn a_name_that_never_resolved_admits_nobody() {
    let mut story = Story::new();
    assert_eq!(story.answer().failure.as_deref(), Some("nobody was asked yet"));
    assert!(!story.learn(failed(), failed()));
    assert_eq!(story.answer(), Answer { addresses: vec![], failure: Some("no server answered".to_owned()) });
    assert_eq!(story.cache.known(&name("db")).unwrap().resolved(), None);
}

#[test]
fn after_failures_it_is_asked_for_again_ever_more_seldom() {
    let mut story = Story::new();
    let mut waits = Vec::new();
    for _ in 0..40 {
        story.learn(failed(), failed());
        waits.push(story.wait().as_secs());
    }
    assert_eq!(waits[..8], [5, 10, 20, 40, 80, 160, 300, 300]);
    assert_eq!(waits[39], 300);
    story.learn(found(&["10.0.0.1"], 60), none());
    assert_eq!(story.wait(), MINUTE);
    story.learn(failed(), failed());
    assert_eq!(story.wait(), SHORTEST, "it begins anew");
}

#[test]
fn an_answer_that_blocks_the_name_or_has_no_bounds_is_none() {
    let mut story = Story::new();
    story.learn(found(&["10.0.0.1"], 60), none());
    assert!(!story.learn(found(&["0.0.0.0"], 60), found(&["::"], 60)));
    assert_eq!(story.addresses(), ["10.0.0.1"]);
    assert!(story.answer().failure.unwrap().contains("0.0.0.0, which no peer can have"));
    let many: Vec<String> =
        (0..=MOST).map(|number| format!("10.1.{}.{}", number / 256, number % 256)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(!story.learn(found(&many, 60), none()));
    assert_eq!(story.addresses(), ["10.0.0.1"]);
    assert!(story.learn(found(&many[1..], 60), none()), "as many as are taken");
}

#[test]
fn the_nodes_own_name_is_no_failure() {
    let mut story = Story::new();
    let listed = |addresses: Vec<IpAddr>| FamilyAnswer::Listed { addresses, ttl: MINUTE };
    story.learn(listed(Vec::new()), listed(Vec::new()));
    assert_eq!((story.answer(), story.wait()), (Answer::default(), MINUTE));
    story.learn(listed(vec!["10.0.0.1".parse().unwrap()]), listed(Vec::new()));
    assert_eq!((story.addresses(), story.answer().failure), (vec!["10.0.0.1".to_owned()], None));
}

#[test]
fn a_clock_that_was_set_back_keeps_nobody_waiting() {
    let mut story = Story::new();
    story.learn(found(&["10.0.0.1"], 600), none());
    story.now -= Duration::from_hours(24 * 365);
    assert_eq!(story.wait(), Duration::ZERO);
}

#[test]
fn what_is_stored_is_read_again_and_what_no_site_names_is_forgotten() {
    let mut story = Story::new();
    story.learn(found(&["10.0.0.1"], 60), failed());
    let stored = serde_json::to_string(&story.cache).unwrap();
    let mut read: NameCache = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, story.cache);
    assert!(serde_json::from_str::<NameCache>(&stored.replace("\"db\"", "\"10.0.0.1\"")).is_err());
    read.keep_only(&BTreeSet::from([name("other")]));
    assert_eq!(read, NameCache::default());
}
