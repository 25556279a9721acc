//! Composes the media plane, signalling and HTTP: the only file that knows all three.

use std::{io, net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use axum::{
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
};
use palco_protocol::{ErrorCode, RoomId};
use palco_room::Settings;
use palco_signaling::{Ports, Signaling};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{
    api::{self, App, Limits, Repeats, address::Proxies},
    config::Config,
    connections::Connections,
    history::Histories,
    identity::Identities,
    listener::Listener,
    mail::{MailConfigError, Mailer},
    media::{self, SfuMedia},
    notify::{Notifier, Outside, Vapid, WebhookConfigError, Webhooks},
    passwords::Passwords,
    redirect, schedule,
    serve::{Deadlines, serve},
    social::Graph,
    store::Store,
    tls::{self, Tls, TlsError},
    tokens::Tokens,
    words::WordList,
};

/// How long open requests and sockets get to finish when the server stops.
const STOP: Duration = Duration::from_secs(5);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error("cannot use the data directory {path}: {source}")]
    Data {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The word list cannot be read.
    #[error("cannot read the word list {path}: {source}")]
    Words {
        /// Which.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The HTTP address cannot be bound.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the database: {0}")]
    Store(String),
    /// The way to the mail server is not one.
    #[error(transparent)]
    Mail(#[from] MailConfigError),
    /// HTTPS was asked for and cannot be had.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Webhooks cannot be sent as configured.
    #[error(transparent)]
    Webhook(#[from] WebhookConfigError),
    /// The media plane did not start.
    #[error("the media plane did not start: {0}")]
    Media(#[from] palco_sfu::StartError),
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    media: palco_sfu::Handle,
    signaling: Signaling,
    store: Store,
    histories: Histories,
    history_writer: JoinHandle<()>,
    tls: Option<Tls>,
    redirect: Option<JoinHandle<()>>,
    telling: JoinSet<()>,
    reminders: JoinHandle<()>,
    stop: watch::Sender<bool>,
    http: JoinHandle<()>,
}

impl Server {
    /// Starts everything; when it returns, the server answers. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a port or the data directory cannot be had.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let data_error =
            |source| StartError::Data { path: config.data.display().to_string(), source };
        std::fs::create_dir_all(&config.data).map_err(data_error)?;
        let tokens = Tokens::open(&config.data).map_err(data_error)?;
        let store = Store::open(
            config.database_url.as_deref(),
            &config.data,
            Duration::from_secs(config.database_timeout_s),
        )
        .await;
        let store = store.map_err(|error| StartError::Store(error.to_string()))?;
        let store = store.with_webhooks(config.webhook_url.is_some());
        let identities = Identities { tokens, store };
        let stale = identities.store.close_stale_rooms().await;
        stale.map_err(|error| StartError::Store(error.to_string()))?;
        let push = match &config.push_contact {
            Some(contact) => {
                let outside = Outside::new(config.push_anywhere).map_err(data_error)?;
                Some((outside, Vapid::open(&config.data, contact).map_err(data_error)?))
            }
            None => None,
        };
        let notices = Notifier::new(identities.store.clone(), push);
        let webhooks = match (&config.webhook_url, &config.webhook_secret) {
            (Some(url), Some(secret)) => {
                // The operator's own choice of address, on their own network as a rule.
                let outside = Outside::new(true).map_err(data_error)?;
                Some(Webhooks::new(identities.store.clone(), outside, url, secret)?)
            }
            _ => None,
        };
        let (histories, history_writer) = Histories::start(identities.store.clone());
        let mail = match (&config.smtp_url, &config.smtp_from, &config.public_url) {
            (Some(url), Some(from), Some(public_url)) => Some(Mailer::new(url, from, public_url)?),
            _ => None,
        };

        let words = match &config.word_list {
            Some(path) => Some(Arc::new(WordList::read(path).map_err(|source| {
                StartError::Words { path: path.display().to_string(), source }
            })?)),
            None => None,
        };

        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let (media, events) = palco_sfu::start(palco_sfu::Config {
            udp: config.udp,
            tcp: (!config.no_tcp).then(|| config.tcp.unwrap_or(config.udp)),
            announced: config.announce.clone(),
            bundle_from: config.bundle_from,
            shards: config.shards.unwrap_or(cores),
            ..palco_sfu::Config::default()
        })?;
        let signaling = Signaling::new(
            palco_signaling::Config {
                reconnect_grace_ms: config.rooms.timers().reconnect_grace_ms,
                ..palco_signaling::Config::default()
            },
            Ports {
                media: SfuMedia::new(media.clone()),
                identity: Arc::new(identities.clone()),
                social: Arc::new(Graph {
                    store: identities.store.clone(),
                    notices: notices.clone(),
                }),
                history: Arc::new(histories.clone()),
            },
        );
        tokio::spawn(media::pump(events, signaling.clone()));
        let telling = notices.start(signaling.clone(), webhooks);

        let tls = tls::start(&config.tls, &config.data, || {
            let mut addresses = config.announce.clone();
            addresses.push(config.listen.ip());
            addresses.extend(palco_sfu::address_towards_the_world());
            addresses
        })?;
        let listen_error = |address| move |source| StartError::Listen { address, source };
        let listener =
            TcpListener::bind(config.listen).await.map_err(listen_error(config.listen))?;
        let address = listener.local_addr().map_err(listen_error(config.listen))?;
        let proxies = Arc::new(Proxies::new(config.trusted_proxies, config.forwarded_header));
        let connections = Connections::new(config.max_connections_per_address, proxies.clone());
        let stop = watch::Sender::new(false);
        let redirect = match config.tls.tls_redirect.filter(|_| tls.is_some()) {
            Some(from) => {
                let started =
                    redirect::start(from, address.port(), connections.clone(), stop.subscribe())
                        .await;
                Some(started.map_err(listen_error(from))?)
            }
            None => None,
        };
        let app = App {
            signaling: signaling.clone(),
            media: media.clone(),
            identities: identities.clone(),
            passwords: Passwords::new(),
            mail,
            limits: Arc::new(Limits::new()),
            repeats: Arc::new(Repeats::new(&identities.tokens)),
            words,
            histories: histories.clone(),
            notices,
            proxies,
            connections: connections.clone(),
            origins: config.origin.into(),
            public_url: config.public_url.map(|url| url.trim_end_matches('/').to_owned()),
            rooms: config.rooms,
        };
        let mut router = api::router(app);
        if tls.as_ref().is_some_and(|tls| tls.lasting) {
            router = router.layer(map_response(strictly_by_https));
        }
        let tls_config = tls.as_ref().map(|tls| Arc::clone(&tls.config));
        let listener = Listener::new(listener, tls_config, connections);
        let http = tokio::spawn(serve(listener, router, Deadlines::default(), stop.subscribe()));
        let reminders = schedule::start(identities.store.clone());
        Ok(Self {
            address,
            media,
            signaling,
            store: identities.store,
            histories,
            history_writer,
            tls,
            redirect,
            telling,
            reminders,
            stop,
            http,
        })
    }

    /// Where it listens, with the port that was chosen if none was given.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The media plane, for its counters.
    #[must_use]
    pub fn media(&self) -> &palco_sfu::Handle {
        &self.media
    }

    /// Opens a room with settings of one's own; the API opens rooms that anybody may enter.
    ///
    /// # Errors
    /// `busy` when the server has as many rooms as it may, `draining` while it stops.
    pub fn open_room(&self, settings: Settings) -> Result<RoomId, ErrorCode> {
        self.signaling.open_room(settings)
    }

    /// Live rooms and open sockets.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.signaling.load()
    }

    /// Whether pages are served by HTTPS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Opens no more rooms, tells clients, and waits until the live ones have ended, but not longer than this.
    pub async fn drain(&self, within: Duration) {
        self.signaling.drain(within).await;
    }

    /// The signalling layer, for its counters.
    #[must_use]
    pub fn signaling(&self) -> &Signaling {
        &self.signaling
    }

    /// Ends rooms, tells clients, and stops serving.
    pub async fn stop(self) {
        if let Some(redirect) = self.redirect {
            redirect.abort();
        }
        self.reminders.abort();
        self.signaling.shut_down().await;
        self.stop.send_replace(true);
        // Connections that do not end in time are dropped with the runtime.
        let _ = tokio::time::timeout(STOP, self.http).await;
        // What happened last is written, unless the database is away.
        self.histories.close();
        let _ = tokio::time::timeout(STOP, self.history_writer).await;
        drop(self.telling);
        // A database that hangs does not keep the process.
        let _ = tokio::time::timeout(STOP, self.store.close()).await;
    }
}

/// For a year, browsers come by HTTPS only (RFC 6797).
async fn strictly_by_https(mut response: Response) -> Response {
    let always = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, always);
    response
}
