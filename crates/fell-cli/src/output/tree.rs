//! The branches of a drawn tree.

/// With which letters a tree is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drawing {
    /// `├─`.
    Boxes,
    /// `|-`.
    Ascii,
}

impl Drawing {
    fn pieces(self) -> [&'static str; 4] {
        match self {
            Drawing::Boxes => ["├─ ", "└─ ", "│  ", "   "],
            Drawing::Ascii => ["|- ", "`- ", "|  ", "   "],
        }
    }
}

/// The branch before each node of a tree, from the depths of its nodes, each parent right before its descendants.
pub(crate) fn branches(depths: &[usize], drawing: Drawing) -> Vec<String> {
    let [child, last_child, line, blank] = drawing.pieces();
    let mut branches = vec![String::new(); depths.len()];
    // Whether a later sibling follows on each depth, seen from the end.
    let mut follows: Vec<bool> = Vec::new();
    for (branch, &depth) in branches.iter_mut().zip(depths).rev() {
        follows.resize(depth + 1, false);
        for (level, follows) in follows.iter().enumerate().skip(1) {
            branch.push_str(match (level == depth, follows) {
                (true, true) => child,
                (true, false) => last_child,
                (false, true) => line,
                (false, false) => blank,
            });
        }
        follows[depth] = true;
    }
    branches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_siblings_and_their_children() {
        assert_eq!(branches(&[0, 1, 2, 2, 1, 2], Drawing::Boxes), ["", "├─ ", "│  ├─ ", "│  └─ ", "└─ ", "   └─ "]);
        assert_eq!(branches(&[0, 1, 2, 3, 1], Drawing::Ascii), ["", "|- ", "|  `- ", "|     `- ", "`- "]);
        assert_eq!(branches(&[], Drawing::Ascii), [""; 0]);
    }
}
