//! What is said of the ports and locks that a tree held, after it was ended.

use crate::output;
use fell::document::ReleaseDocument;

/// Says what is still held, what is free, and what could not be looked at.
pub(super) fn tell(release: &ReleaseDocument) {
    for held in &release.held {
        output::say(&held.text);
    }
    for (title, all) in [("free again", &release.released), ("not looked at", &release.unseen)] {
        if !all.is_empty() {
            output::say(format!("{title}: {}", all.join(", ")));
        }
    }
}
