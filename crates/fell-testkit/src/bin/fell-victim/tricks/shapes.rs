//! Trees that are merely large.

use crate::crew::Crew;

pub(crate) fn chain(crew: &'static Crew, left: u32) {
    if left > 0 {
        crew.must_fork("link", move |crew| chain(crew, left - 1));
    }
    crew.settle();
}

pub(crate) fn wide(crew: &'static Crew) {
    for _ in 0..crew.count() {
        crew.must_fork("child", |crew| crew.settle());
    }
    crew.settle();
}

pub(crate) fn bushy(crew: &'static Crew, levels: u32) {
    if levels > 0 {
        for _ in 0..crew.count() {
            crew.must_fork("twig", move |crew| bushy(crew, levels - 1));
        }
    }
    crew.settle();
}
