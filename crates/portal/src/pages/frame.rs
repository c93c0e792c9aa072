//! What stands around every page of somebody signed in: navigation by role, name, sign-out.

use hopline_control_store::{StoreError, Tx, advertisers, affiliates};
use hopline_types::Role;

use crate::session::Viewer;
use crate::text::ENGLISH;

/// One way in the navigation.
#[derive(Debug)]
pub(crate) struct NavItem {
    pub(crate) href: &'static str,
    pub(crate) label: &'static str,
    pub(crate) current: bool,
    /// Path of a 20 by 20 line drawing.
    pub(crate) icon: &'static str,
}

/// The frame.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) nav: Vec<NavItem>,
    /// Whose page it is: the tenant, or the person's address.
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) csrf: String,
}

const HOME: &str = "M3 9.5 10 3l7 6.5V17H3zM8 17v-5h4v5";
const LIST: &str = "M4 5h12M4 10h12M4 15h7";
const LINK: &str = "M8.5 11.5l3-3M7 9l-2.5 2.5a2.8 2.8 0 0 0 4 4L11 13M9 7l2.5-2.5a2.8 2.8 0 0 1 4 4L13 11";
const MONEY: &str = "M3 6h14v9H3zM10 12.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4M5.5 8.5v4M14.5 8.5v4";
const CODE: &str = "M7 6l-4 4 4 4M13 6l4 4-4 4";

/// The navigation of a role; `current` is the page's own path.
fn nav(role: Role, current: &str) -> Vec<NavItem> {
    let t = &ENGLISH.frame;
    let mut items = vec![("/dashboard", t.nav_today, HOME), ("/conversions", t.nav_conversions, LIST)];
    match role {
        Role::Affiliate => items.push(("/dashboard#links", t.nav_links, LINK)),
        Role::Finance => items.push(("/dashboard#balances", t.nav_balances, MONEY)),
        Role::Operator | Role::Advertiser => {}
    }
    items.push(("/docs", t.nav_api, CODE));
    let item = |(href, label, icon)| NavItem { href, label, current: href == current, icon };
    items.into_iter().map(item).collect()
}

impl Frame {
    pub(crate) fn new(viewer: &Viewer, tenant: Option<String>, current: &str) -> Self {
        Self {
            nav: nav(viewer.role(), current),
            name: tenant.unwrap_or_else(|| viewer.user.email.clone()),
            role: ENGLISH.words.role(viewer.role()),
            csrf: viewer.csrf.clone(),
        }
    }
}

/// The name of the viewer's tenant; none for operators and finance.
pub(crate) fn tenant(tx: &mut dyn Tx, viewer: &Viewer) -> Result<Option<String>, StoreError> {
    let (user, scope) = (&viewer.user, viewer.scope);
    Ok(match (user.advertiser_id, user.affiliate_id) {
        (Some(id), _) => advertisers::get(tx, scope, id)?.map(|advertiser| advertiser.name),
        (None, Some(id)) => affiliates::get(tx, scope, id)?.map(|affiliate| affiliate.name),
        (None, None) => None,
    })
}
