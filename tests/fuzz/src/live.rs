//! A whole server of this process, and connections to it.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use palco_protocol::http::{Guest, RoomCreated, Scheduled, SignedIn};
use socket2::{Domain, Socket, Type};

/// Only what hangs waits for it.
const HANGS: Duration = Duration::from_secs(20);

pub(crate) struct Live {
    pub(crate) address: SocketAddr,
    /// Of somebody with an account, who has a room.
    pub(crate) token: String,
    /// Of a guest.
    pub(crate) guest: String,
    /// Theirs.
    pub(crate) room: String,
    /// Theirs too, for next year.
    pub(crate) planned: String,
    _runtime: tokio::runtime::Runtime,
    _server: palco::Server,
}

/// The server: started by the first who asks.
pub(crate) fn live() -> &'static Live {
    static LIVE: OnceLock<Live> = OnceLock::new();
    LIVE.get_or_init(Live::start)
}

impl Live {
    fn start() -> Self {
        /// As on the command line, whatever settings there are.
        #[derive(Parser)]
        struct Serve {
            #[command(flatten)]
            config: palco::Config,
        }
        let data = std::env::temp_dir().join(format!("palco-fuzz-{}", std::process::id()));
        let data = data.to_string_lossy();
        let any = "127.0.0.1:0";
        let Serve { config } =
            Serve::parse_from(["palco", "--listen", any, "--udp", any, "--data", &*data]);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let server = runtime.block_on(palco::Server::start(config)).expect("the server starts");
        let address = server.address();
        let mut live = Self {
            address,
            token: String::new(),
            guest: String::new(),
            room: String::new(),
            planned: String::new(),
            _runtime: runtime,
            _server: server,
        };
        let guest = live.created("/api/v1/guests", r#"{"name":"Ada"}"#);
        live.guest = serde_json::from_slice::<Guest>(&guest).expect("a guest").token;
        let account =
            r#"{"handle":"ada","name":"Ada","password":"not-a-secret","session":"token"}"#;
        let account = live.created("/api/v1/accounts", account);
        let account = serde_json::from_slice::<SignedIn>(&account).expect("an account");
        live.token = account.token.expect("a token was asked for");
        let room = live.created("/api/v1/rooms", r#"{"title":"A room"}"#);
        let room = serde_json::from_slice::<RoomCreated>(&room).expect("a room");
        live.room = room.id.to_string();
        let in_a_year = SystemTime::now() + Duration::from_hours(24 * 365);
        let in_a_year = in_a_year.duration_since(UNIX_EPOCH).expect("later than 1970").as_millis();
        let plan = format!(r#"{{"title":"A plan","starts_at_ms":{in_a_year}}}"#);
        let planned = live.created("/api/v1/scheduled", &plan);
        let planned = serde_json::from_slice::<Scheduled>(&planned).expect("a planned room");
        live.planned = planned.id.to_string();
        live
    }

    fn created(&self, path: &str, body: &str) -> Vec<u8> {
        let mut connection = Connection::open(self.address).expect("a connection");
        let token = (!self.token.is_empty()).then_some(&*self.token);
        let answer = connection.ask("POST", path, token, body.as_bytes()).expect("an answer");
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        answer.body
    }
}

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

/// A connection from an address of its own, which leaves no port behind in TIME_WAIT: thousands a second are fine.
pub(crate) struct Connection {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let from = Ipv4Addr::from(0x7f01_0001 + n % 0x00fe_0000);
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.set_linger(Some(Duration::ZERO))?;
        socket.connect(&to.into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(HANGS))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> io::Result<Answer> {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: palco\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            bearer.unwrap_or_default(),
            body.len()
        );
        self.write(&[head.as_bytes(), body].concat())?;
        self.answer()
    }

    /// Reads the head of an answer, and its body.
    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let bad = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut answer = Answer {
            status: status.ok_or_else(|| bad(&line))?,
            content_type: String::new(),
            body: Vec::new(),
        };
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-type" => value.trim().clone_into(&mut answer.content_type),
                "content-length" => {
                    let len = value.trim().parse().map_err(|_| bad(value))?;
                    answer.body = vec![0; len];
                }
                _ => {}
            }
        }
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}
