//! What `fell tree --json` prints.

use super::{DumpDocument, GapDocument, ProcessDocument};
use serde::{Deserialize, Serialize};

/// A process and its descendants, flat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TreeDocument {
    /// `fell/tree/1`.
    pub schema: String,
    /// The root of the tree.
    pub parent: ProcessDocument,
    /// All its descendants, parents before children; `ppid` tells who belongs to whom.
    pub children: Vec<ProcessDocument>,
    /// How many processes this document shows in the tree: the parent and its descendants.
    pub total_count: usize,
    /// The parent's ancestors, nearest first. Only there if they were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ancestors: Option<Vec<ProcessDocument>>,
    /// The same processes from the inside: why each does not go on, and what it holds. Only there if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<DumpDocument>,
    /// What could not be read. With a gap, a descendant may be missing.
    pub gaps: Vec<GapDocument>,
}

impl TreeDocument {
    /// The name of this document's schema.
    pub const SCHEMA: &str = "fell/tree/1";

    /// The document on a root and its descendants.
    pub fn new(parent: ProcessDocument, children: Vec<ProcessDocument>, gaps: Vec<GapDocument>) -> TreeDocument {
        let total_count = children.len() + 1;
        TreeDocument {
            schema: String::from(TreeDocument::SCHEMA),
            parent,
            children,
            total_count,
            ancestors: None,
            dump: None,
            gaps,
        }
    }
}
