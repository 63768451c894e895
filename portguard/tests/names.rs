//! Host names asked of a real name server, over real sockets: what DNS says is what a site lets in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{IpAddr, SocketAddr, UdpSocket},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant, SystemTime},
};

use hickory_resolver::proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{RData, Record},
};
use portguard::{
    input::{Loaded, read_site},
    names::{NameCache, PATIENCE, Resolver},
    site::HostName,
};

/// What the server says of a name.
#[derive(Clone)]
enum Says {
    /// These addresses, with this time to live.
    Addresses(Vec<IpAddr>, u32),
    /// There is no such name.
    NoSuchName,
    /// It cannot say.
    Fails,
    /// Nothing at all.
    Silence,
}

/// A name server on the loopback. Its thread ends with the test's process.
struct Server {
    address: SocketAddr,
    says: Arc<Mutex<BTreeMap<String, Says>>>,
}

impl Server {
    fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("the loopback has a port");
        let address = socket.local_addr().expect("it is bound");
        let says: Arc<Mutex<BTreeMap<String, Says>>> = Arc::default();
        let heard = Arc::clone(&says);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, client)) = socket.recv_from(&mut buffer) {
                let question = Message::from_vec(&buffer[..length]).expect("the resolver writes DNS");
                if let Some(reply) = reply(&question, &heard.lock().expect("nobody panics")) {
                    socket
                        .send_to(&reply.to_vec().expect("the reply is small"), client)
                        .expect("the loopback takes it");
                }
            }
        });
        Self { address, says }
    }

    fn say(&self, name: &str, says: Says) {
        self.says.lock().expect("nobody panics").insert(name.to_owned(), says);
    }

    fn addresses(&self, name: &str, addresses: &[&str], ttl: u32) {
        let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        self.say(name, Says::Addresses(addresses, ttl));
    }
}

fn reply(question: &Message, says: &BTreeMap<String, Says>) -> Option<Message> {
    let query = question.queries.first().expect("it asks something");
    let name = query.name().to_string();
    let mut reply = Message::response(question.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    reply.add_query(query.clone());
    match says.get(name.trim_end_matches('.')).unwrap_or(&Says::NoSuchName) {
        Says::Silence => return None,
        Says::NoSuchName => reply.metadata.response_code = ResponseCode::NXDomain,
        Says::Fails => reply.metadata.response_code = ResponseCode::ServFail,
        Says::Addresses(addresses, ttl) => {
            for &address in addresses {
                let data = RData::from(address);
                if data.record_type() == query.query_type() {
                    reply.add_answer(Record::from_rdata(query.name().clone(), *ttl, data));
                }
            }
        }
    }
    Some(reply)
}

/// A daemon's part in it: a site, a cache, and the time.
struct Node {
    server: Server,
    loaded: Loaded,
    names: BTreeSet<HostName>,
    cache: NameCache,
    now: SystemTime,
}

impl Node {
    fn start(directory: &Path, members: &[&str]) -> Self {
        let members: Vec<String> = members.iter().map(|name| format!("\"name:{name}\"")).collect();
        let path = directory.join("site.toml");
        let text = format!(
            "mode = \"enforce\"\nposture = \"drop\"\n[interfaces.eth0]\n[groups]\npeers = [{}]\n\
             [[rules]]\nname = \"x\"\nports = [\"1/tcp\"]\nfrom = [\"peers\"]\n",
            members.join(", ")
        );
        fs::write(&path, text).expect("the directory is there");
        let loaded = read_site(&path).expect("the site holds together");
        Self {
            server: Server::start(),
            names: loaded.host_names(),
            loaded,
            cache: NameCache::default(),
            now: SystemTime::now(),
        }
    }

    /// Looks up what is due, and loads it if it is a change.
    fn refresh(&mut self) -> bool {
        let due = self.cache.due(&self.names, self.now);
        let resolver = Resolver::of_servers(&[self.server.address]).expect("a server");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let looked_up = runtime.block_on(resolver.look_up_all(&due));
        let changed = self.cache.learn(looked_up, self.now);
        if changed {
            self.loaded.answer(&self.cache.answers(&self.names));
        }
        changed
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    fn admitted(&self) -> Vec<String> {
        self.loaded.matrix.groups[0].prefixes.iter().map(ToString::to_string).collect()
    }

    fn failure(&self, name: &str) -> Option<String> {
        let known = self.cache.known(&HostName::new(name).expect("a name")).expect("it was asked for");
        known.failure().map(str::to_owned)
    }
}

#[test]
fn another_answer_is_another_matrix_once_the_time_to_live_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::start(directory.path(), &["db1.example.org"]);
    node.server.addresses("db1.example.org", &["10.2.0.1", "2001:db8::1"], 60);
    assert!(node.refresh());
    assert_eq!(node.admitted(), ["10.2.0.1/32", "2001:db8::1/128"]);
    assert_eq!(node.failure("db1.example.org"), None);
    node.server.addresses("db1.example.org", &["10.2.0.2"], 60);
    node.pass(50);
    assert!(!node.refresh(), "nobody is asked before");
    node.pass(10);
    assert!(node.refresh());
    assert_eq!(node.admitted(), ["10.2.0.2/32"]);
}

#[test]
fn a_server_that_fails_or_forgets_the_name_changes_nothing() {
    for (says, why) in [
        (Says::Fails, "the servers answered no address"),
        (Says::NoSuchName, "there is no such name"),
        (Says::Addresses(Vec::new(), 60), "the name has no address"),
        (Says::Addresses(vec!["0.0.0.0".parse().unwrap()], 60), "no peer can have"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut node = Node::start(directory.path(), &["db1.example.org"]);
        node.server.addresses("db1.example.org", &["10.2.0.1"], 5);
        assert!(node.refresh());
        node.server.say("db1.example.org", says);
        node.pass(5);
        assert!(!node.refresh());
        assert_eq!(node.admitted(), ["10.2.0.1/32"]);
        let failure = node.failure("db1.example.org").unwrap();
        assert!(failure.contains(why), "{failure}");
        node.server.addresses("db1.example.org", &["10.2.0.1"], 5);
        node.pass(5);
        assert!(!node.refresh());
        assert_eq!(node.failure("db1.example.org"), None);
    }
}

#[test]
fn a_server_that_is_silent_keeps_nobody_waiting_and_no_other_name_from_resolving() {
    let directory = tempfile::tempdir().unwrap();
    let silent: Vec<String> = (0..100).map(|number| format!("silent{number}.example.org")).collect();
    let mut members: Vec<&str> = silent.iter().map(String::as_str).collect();
    members.push("zz.example.org");
    let mut node = Node::start(directory.path(), &members);
    node.server.addresses("zz.example.org", &["10.2.0.1"], 5);
    for name in &silent {
        node.server.say(name, Says::Silence);
    }
    let started = Instant::now();
    assert!(node.refresh());
    assert!(started.elapsed() < PATIENCE + Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(node.admitted(), ["10.2.0.1/32"]);
    assert!(node.failure("silent99.example.org").unwrap().contains("no server answered"));
}

#[test]
fn what_was_stored_is_in_force_without_dns() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::start(directory.path(), &["db1.example.org"]);
    node.server.addresses("db1.example.org", &["10.2.0.1"], 60);
    assert!(node.refresh());
    let stored = serde_json::to_string(&node.cache).unwrap();
    let mut later = Node::start(directory.path(), &["db1.example.org", "new.example.org"]);
    later.cache = serde_json::from_str(&stored).unwrap();
    later.loaded.answer(&later.cache.answers(&later.names));
    assert_eq!(later.admitted(), ["10.2.0.1/32"]);
    let odd: Vec<String> = later.loaded.odd_answers().iter().map(ToString::to_string).collect();
    assert_eq!(odd, ["`new.example.org` in the group `peers` does not resolve: nobody was asked yet"]);
}

#[test]
fn without_any_server_each_name_says_so() {
    let names = BTreeSet::from([HostName::new("db1.example.org").unwrap()]);
    let nobody = Resolver::of_servers(&["127.0.0.1:9".parse().unwrap()]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut cache = NameCache::default();
    assert!(!cache.learn(runtime.block_on(nobody.look_up_all(&names)), SystemTime::now()));
    assert!(cache.answers(&names).values().all(|answer| answer.failure.is_some()));
}
