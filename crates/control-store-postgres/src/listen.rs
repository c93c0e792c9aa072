//! Hearing of other programs' commits.
//!
//! One thread holds a connection of its own that listens. It connects again when the connection is lost, and then calls
//! everybody for every topic, since notices may have been missed. Notices are hints: nothing depends on one arriving.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hopline_control_store::{Listener, Topic};
use tokio::sync::{mpsc, oneshot};
use tokio_postgres::{AsyncMessage, Config};

use crate::tls::Tls;

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

const TOPICS: [(&str, Topic); 2] = [("hopline_catalogue", Topic::Catalogue), ("hopline_work", Topic::Work)];

type Listeners = Arc<Mutex<Vec<Listener>>>;

/// The thread that listens.
pub(crate) struct Listening {
    listeners: Listeners,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Listening {
    pub(crate) fn start(config: Config, tls: Tls) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let listeners = Listeners::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let called = Arc::clone(&listeners);
        let thread = std::thread::Builder::new().name("control-listen".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = listen(&config, &tls, &called) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { listeners, stop, thread })
    }

    pub(crate) fn add(&self, listener: Listener) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    pub(crate) fn close(self) {
        // It may have ended by itself.
        self.stop.send(()).unwrap_or_default();
        let is_own = self.thread.thread().id() == std::thread::current().id();
        if !is_own && self.thread.join().is_err() {
            tracing::error!("the thread that listens panicked");
        }
    }
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listening").finish_non_exhaustive()
    }
}

fn call(listeners: &Listeners, topic: Topic) {
    let all = listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for listener in all {
        listener(topic);
    }
}

async fn listen(config: &Config, tls: &Tls, listeners: &Listeners) {
    let mut pause = PAUSE_MIN;
    loop {
        match connection(config, tls, listeners).await {
            Ok(()) => {
                tracing::info!("the connection that listens to the control store was lost");
                pause = PAUSE_MIN;
            }
            Err(failure) => {
                let error = crate::error::told(&failure);
                tracing::warn!(error, "cannot listen to the control store");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Listens until the connection is lost.
async fn connection(config: &Config, tls: &Tls, listeners: &Listeners) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = config.connect(tls.clone()).await?;
    let (tell, mut told) = mpsc::unbounded_channel();
    drop(tokio::spawn(async move {
        while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notice) = message
                && tell.send(notice.channel().to_owned()).is_err()
            {
                return;
            }
        }
    }));
    for (channel, _) in TOPICS {
        client.batch_execute(&format!("LISTEN {channel}")).await?;
    }
    for (_, topic) in TOPICS {
        call(listeners, topic);
    }
    while let Some(channel) = told.recv().await {
        if let Some((_, topic)) = TOPICS.iter().find(|(name, _)| *name == channel) {
            call(listeners, *topic);
        }
    }
    Ok(())
}
