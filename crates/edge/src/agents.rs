//! User agents read lately: browsers come in few versions, so most clicks need one comparison instead of a pass of the
//! automaton and of SHA-256.
//!
//! One place per hash, the last comer stays; each thread has its own. At most [`PLACES`] times [`BYTES_MAX`] bytes of
//! text, half a megabyte; longer user agents are read anew each time. The hash's seed is random, so nobody can aim at
//! one place; who does can only make the automaton run.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hopline_catalogue::pseudonym::agent_digest;
use hopline_classify::{UserAgent, UserAgents};

const PLACES: usize = 1024;
const BYTES_MAX: usize = 512;

/// What was read lately.
#[derive(Debug)]
pub(crate) struct RecentAgents {
    hasher: RandomState,
    places: Vec<Option<Place>>,
}

#[derive(Debug, Clone)]
struct Place {
    text: Box<[u8]>,
    agent: UserAgent,
    digest: [u8; 32],
}

impl RecentAgents {
    pub(crate) fn new() -> Self {
        Self { hasher: RandomState::default(), places: vec![None; PLACES] }
    }

    /// As [`UserAgents::read`], with the digest for a pseudonym.
    pub(crate) fn read(&mut self, agents: &UserAgents, text: &[u8]) -> (UserAgent, [u8; 32]) {
        let anew = || (agents.read(text), agent_digest(text));
        if text.len() > BYTES_MAX {
            return anew();
        }
        let hash = usize::try_from(self.hasher.hash_one(text) % PLACES as u64).unwrap_or_default();
        let Some(place) = self.places.get_mut(hash) else { return anew() };
        match place {
            Some(known) if *known.text == *text => (known.agent, known.digest),
            _ => {
                let (agent, digest) = anew();
                *place = Some(Place { text: text.into(), agent, digest });
                (agent, digest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_reads_the_same_the_first_time_and_later_and_however_long() {
        let agents = UserAgents::built_in();
        let mut recent = RecentAgents::new();
        let long = "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0 ".repeat(20);
        let texts =
            ["", "curl/8.5.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Safari/604.1", &long];
        for text in texts.iter().cycle().take(12) {
            let text = text.as_bytes();
            assert_eq!(recent.read(&agents, text), (agents.read(text), agent_digest(text)));
        }
    }

    #[test]
    fn user_agents_that_share_a_place_are_told_apart() {
        let agents = UserAgents::built_in();
        let mut recent = RecentAgents::new();
        for round in 0..2 {
            for number in 0..4 * PLACES {
                let text =
                    format!("{} {number}", if number % 2 == 0 { "curl" } else { "Firefox/1 Windows NT" });
                let text = text.as_bytes();
                let read = recent.read(&agents, text);
                assert_eq!(read, (agents.read(text), agent_digest(text)), "{text:?} in round {round}");
            }
        }
    }
}
