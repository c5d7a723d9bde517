//! A whole list from its first page to its last, with the next page on its way while one is worked on: for what reads
//! everything, such as a baseline. It never holds more than two pages.

use tokio::task::JoinHandle;

use super::Odoo;
use super::failure::Failure;
use super::list::{ListRequest, Page};

/// A list that is being read. Dropped, it asks for nothing more.
pub struct Listing {
    odoo: Odoo,
    request: ListRequest,
    coming: Option<JoinHandle<Result<Page, Failure>>>,
    ended: bool,
}

impl Odoo {
    /// All pages of a list, from the request's own position on. Nothing is asked before the first one is.
    pub fn listing(&self, request: ListRequest) -> Listing {
        Listing { odoo: self.clone(), request, coming: None, ended: false }
    }
}

impl Listing {
    /// The next page; `None` after the last. A failure ends nothing: asked again, the list goes on where it was.
    ///
    /// # Errors
    /// [`Failure`]; nothing was changed.
    pub async fn next(&mut self) -> Result<Option<Page>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let coming = self.coming.get_or_insert_with(|| ask(&self.odoo, &self.request));
        let asked = coming.await;
        self.coming = None;
        let page = asked.map_err(|_| Failure::Unavailable { reason: "the work on the list ended".to_owned() })??;
        match page.next {
            Some(position) => {
                self.request.cursor = Some(position);
                self.coming = Some(ask(&self.odoo, &self.request));
            }
            None => self.ended = true,
        }
        Ok(Some(page))
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        if let Some(coming) = &self.coming {
            coming.abort();
        }
    }
}

fn ask(odoo: &Odoo, request: &ListRequest) -> JoinHandle<Result<Page, Failure>> {
    let (odoo, request) = (odoo.clone(), request.clone());
    tokio::spawn(async move { odoo.list(&request).await })
}
