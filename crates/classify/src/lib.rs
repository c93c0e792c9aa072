//! Whether a request is a countable click, and if not, why.
//!
//! Pure: requests come as header values, lists as text, time and memory size as arguments. Four parts, in the order in
//! which an edge uses them:
//!
//! 1. [`Signals`] takes the headers in one pass; [`Signals::finding`] decides by rules that need no memory.
//! 2. [`UserAgents`] reads the user agent: declared bot or tool, device, system and browser.
//! 3. [`DatacenterNetworks`] knows which networks hold machines; [`judge_network`] decides together with other signs.
//! 4. [`DuplicateTable`] remembers who clicked what lately.
//!
//! # Rules (version [`RULES_VERSION`]), first match wins
//!
//! | rule | sign | verdict | answer that the edge gives |
//! | --- | --- | --- | --- |
//! | prefetch | `Sec-Purpose` holds the token `prefetch`; `Purpose: prefetch`, `X-Purpose: preview`, `X-Moz: prefetch` | invalid/prefetch | 503, so that the browser asks again when a person clicks |
//! | head | method `HEAD` | invalid/head | as for GET, no cookie |
//! | stuffing | `Sec-Fetch-Dest` present and not `document` | invalid/stuffing, dest as detail | 302, no cookie |
//! | bot | user agent empty, absent, or known by the list | invalid/bot | 302, no cookie |
//! | data centre | the address's network is listed as `hosting`, or as `suspect` and the request lacks a gesture or `Accept-Language` | invalid/datacenter | 302, no cookie |
//! | (standing of link, offer, affiliate, advertiser) | catalogue | invalid/paused, expired, blocked | fallback or 404 |
//! | duplicate | same visitor and offer within the window | duplicate | 302 |
//! | unique | none of these | unique | 302 |
//!
//! A navigation without `Sec-Fetch-User: ?1` is flagged, not judged: scripts do that, the address bar too.
//! Absent fetch metadata decide nothing: old browsers and apps send none.
//!
//! # What it cannot know
//!
//! Bots that lie about their user agent and come from households pass here; behaviour is other rules' business. The
//! list is checked against `tests/fixtures/user_agents.json` (no browser flagged, at most two of the rest missed).
//! `deploy/CLASSIFICATION.md` says all this to operators and keeps the history of [`RULES_VERSION`].

mod duplicates;
mod families;
mod fields;
mod networks;
mod signals;
mod user_agent;

pub use duplicates::{DUPLICATE_ENTRIES_DEFAULT, DuplicateTable, TICK_MS};
pub use fields::{SecPurpose, is_gpc};
pub use networks::{DatacenterNetworks, NetworkKind, NetworkListError, NetworkSigns, judge_network};
pub use signals::{Finding, Header, Method, Signals};
pub use user_agent::{ListError, UserAgent, UserAgents};

/// Version of the rules and lists; stored with every click, raised whenever one of them changes.
pub const RULES_VERSION: u8 = 2;
