//! A real browser: Chromium, spoken to through its driver by the W3C WebDriver protocol.
//!
//! A [`Browser`] is one chromedriver on a free port with one Chromium in a profile of its own; both end when it goes out
//! of scope. Waiting is done inside the page, on a condition ([`Browser::wait`]); nothing is tried again.
//!
//! Every name below `.test` is this machine. Browsers leave out `Sec-Fetch-*` and refuse prefetching where neither https
//! nor `localhost` is spoken, so the origins that [`Browser::start`] is given are treated like https.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::http::{Answer, Http};

/// The programs' names; both are Debian packages, `chromium` and `chromium-driver`.
const DRIVER: &str = "chromedriver";
const CHROMIUM: &str = "/usr/bin/chromium";
/// How long the driver may take for one command, starting included.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a page may take to load, and a script to come back.
const PAGE_TIMEOUT_MS: u64 = 20_000;
/// The protocol's name of an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// As a person's browser says it; the headless one's own says that nobody looks.
const USER_AGENT: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36";
const ARGUMENTS: [&str; 9] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
];

/// A browser with one window.
#[derive(Debug)]
pub struct Browser {
    driver: Driver,
    client: Http,
    session: String,
}

/// The driver's process, and the browser's that it started.
#[derive(Debug)]
struct Driver {
    child: Child,
    port: u16,
    session: Option<(String, Option<i32>)>,
    /// Read to its end by nobody, but open: the driver may write.
    _stdout: BufReader<ChildStdout>,
    /// Profile and sockets.
    _folder: tempfile::TempDir,
}

impl Browser {
    /// Starts driver and browser; `secure` are the origins to be treated like https.
    ///
    /// # Errors
    /// One of them is not installed or did not start.
    pub async fn start(secure: &[&str]) -> anyhow::Result<Self> {
        let mut driver = Driver::start()?;
        let client = Http::new(&format!("http://127.0.0.1:{}", driver.port));
        let mut arguments = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-agent={USER_AGENT}"));
        if !secure.is_empty() {
            arguments.push(format!("--unsafely-treat-insecure-origin-as-secure={}", secure.join(",")));
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": CHROMIUM, "args": arguments},
            "timeouts": {"script": PAGE_TIMEOUT_MS, "pageLoad": PAGE_TIMEOUT_MS, "implicit": 0},
        }}});
        let answer = command(&client, "POST", "/session", Some(&wanted)).await?;
        let session = answer["sessionId"].as_str().context("the driver names no session")?.to_owned();
        let process = answer["capabilities"]["goog:processID"].as_i64();
        driver.session = Some((session.clone(), process.and_then(|id| i32::try_from(id).ok())));
        Ok(Self { driver, client, session })
    }

    async fn command(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let path = format!("/session/{}{path}", self.session);
        command(&self.client, method, &path, body).await.unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Goes to an address as if it were typed, and waits until the page is loaded.
    ///
    /// # Panics
    /// When the browser cannot.
    pub async fn go(&self, url: &str) {
        self.command("POST", "/url", Some(&json!({"url": url}))).await;
    }

    /// Loads the page again.
    ///
    /// # Panics
    /// When the browser cannot.
    pub async fn reload(&self) {
        self.command("POST", "/refresh", Some(&json!({}))).await;
    }

    /// One step back in the window's history.
    ///
    /// # Panics
    /// When the browser cannot.
    pub async fn back(&self) {
        self.command("POST", "/back", Some(&json!({}))).await;
    }

    /// The address of the page that is shown.
    ///
    /// # Panics
    /// When the browser cannot say.
    pub async fn url(&self) -> String {
        self.command("GET", "/url", None).await.as_str().expect("an address is text").to_owned()
    }

    /// Clicks the first element that the CSS selector names, as a person would, and waits for the page this leads to.
    ///
    /// # Panics
    /// When there is none, or it cannot be clicked.
    pub async fn click(&self, selector: &str) {
        let wanted = json!({"using": "css selector", "value": selector});
        let element = self.command("POST", "/element", Some(&wanted)).await;
        let id = element[ELEMENT].as_str().expect("an element has an id").to_owned();
        self.command("POST", &format!("/element/{id}/click"), Some(&json!({}))).await;
    }

    /// Runs a function's body in the page; gives what it returns.
    ///
    /// # Panics
    /// When it throws; says what.
    pub async fn run(&self, body: &str, arguments: &[Value]) -> Value {
        self.command("POST", "/execute/sync", Some(&json!({"script": body, "args": arguments}))).await
    }

    /// Runs a function's body in the page; gives what it hands to the function `done`.
    ///
    /// # Panics
    /// When it throws, or does not call `done` within 20 seconds.
    pub async fn run_async(&self, body: &str, arguments: &[Value]) -> Value {
        let script = format!("const done = arguments[arguments.length - 1];\n{body}");
        self.command("POST", "/execute/async", Some(&json!({"script": script, "args": arguments}))).await
    }

    /// Waits until an expression is true in the page that is shown; gives its value.
    ///
    /// # Panics
    /// When it throws, or 20 seconds pass.
    pub async fn wait(&self, expression: &str) -> Value {
        let body = format!(
            "(function look() {{ const value = ({expression}); value ? done(value) : setTimeout(look, 10); }})();"
        );
        self.run_async(&body, &[]).await
    }

    /// The cookies that the page's address would be sent, those hidden from scripts included.
    ///
    /// # Panics
    /// When the browser cannot say.
    pub async fn cookies(&self) -> Vec<Value> {
        self.command("GET", "/cookie", None).await.as_array().expect("cookies are a list").clone()
    }

    /// The cookie of this name, if the page's address would be sent one.
    ///
    /// # Panics
    /// When the browser cannot say.
    pub async fn cookie(&self, name: &str) -> Option<Value> {
        self.cookies().await.into_iter().find(|cookie| cookie["name"] == name)
    }

    /// Forgets the cookies of the page that is shown.
    ///
    /// # Panics
    /// When the browser cannot.
    pub async fn forget_cookies(&self) {
        self.command("DELETE", "/cookie", None).await;
    }

    /// Ends the browser; going out of scope ends it too, but swallows what the driver says.
    ///
    /// # Panics
    /// When the driver reports a failure.
    pub async fn close(mut self) {
        self.command("DELETE", "", None).await;
        self.driver.session = None;
    }
}

/// One command to the driver; gives the answer's value.
async fn command(client: &Http, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let bytes =
        body.map(|body| serde_json::to_vec(body).expect("a JSON value serialises")).unwrap_or_default();
    let sent = client.send(method, path, &[("content-type", "application/json; charset=utf-8")], bytes);
    let answer: Answer = tokio::time::timeout(COMMAND_TIMEOUT, sent)
        .await
        .with_context(|| format!("{DRIVER} did not answer {method} {path} in time"))??;
    let mut whole: Value = serde_json::from_slice(&answer.body)
        .with_context(|| format!("{DRIVER} answered {method} {path} by {}", answer.text()))?;
    let value = whole["value"].take();
    anyhow::ensure!(
        answer.status == 200,
        "{method} {path} {}: {}: {}",
        body.map(Value::to_string).unwrap_or_default(),
        value["error"].as_str().unwrap_or_default(),
        value["message"].as_str().unwrap_or_default()
    );
    Ok(value)
}

impl Driver {
    fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the browser")?;
        let mut command = Command::new(DRIVER);
        command
            .arg("--port=0")
            .arg(format!("--log-path={}", folder.path().join("driver.log").display()))
            .env("TMPDIR", folder.path())
            .env("HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().with_context(|| {
            format!("cannot start {DRIVER}: install Chromium and its driver, or run the tests by `cargo xtask test`")
        })?;
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        match port(&mut stdout) {
            Ok(port) => Ok(Self { child, port, session: None, _stdout: stdout, _folder: folder }),
            Err(error) => {
                child.kill().ok();
                child.wait().ok();
                Err(error)
            }
        }
    }

    /// Asks the driver to end the browser; false where it did not answer.
    fn ask_to_end(&self, session: &str) -> bool {
        let ask = || -> std::io::Result<usize> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(COMMAND_TIMEOUT))?;
            let host = format!("127.0.0.1:{}", self.port);
            let head =
                format!("DELETE /session/{session} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            // The driver answers when the browser has ended.
            stream.read(&mut [0; 1024])
        };
        ask().is_ok_and(|bytes| bytes > 0)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some((session, process)) = self.session.take() {
            let has_ended = self.ask_to_end(&session);
            if let Some(process) = process.filter(|_| !has_ended).and_then(rustix::process::Pid::from_raw) {
                rustix::process::kill_process(process, rustix::process::Signal::KILL).ok();
            }
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The port that the driver says it listens on.
fn port(stdout: &mut BufReader<ChildStdout>) -> anyhow::Result<u16> {
    let mut words = String::new();
    loop {
        let begin = words.len();
        let bytes = stdout.read_line(&mut words).context("reading what the driver prints")?;
        anyhow::ensure!(bytes > 0, "{DRIVER} ended instead of listening: {words}");
        let line = words.get(begin..).unwrap_or_default();
        if let Some((_, rest)) = line.split_once("started successfully on port ") {
            let port = rest.trim().trim_end_matches('.');
            return port.parse().with_context(|| format!("{DRIVER} printed {line:?}"));
        }
    }
}
