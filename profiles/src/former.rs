//! Names that were right once: a tailoring or waiver that still uses one is told the successor, never ignored.

use std::collections::BTreeMap;

use crate::error::ResolveError;

/// Former names of controls and variables.
#[derive(Clone, Debug, Default)]
pub(crate) struct Former {
    pub(crate) renamed: BTreeMap<String, String>,
    pub(crate) removed: BTreeMap<String, String>,
}

impl Former {
    /// Takes in what a later file says, name by name.
    pub(crate) fn extend(&mut self, later: Self) {
        self.renamed.extend(later.renamed);
        self.removed.extend(later.removed);
    }

    /// Refuses a name that nothing has any more.
    ///
    /// # Errors
    /// With the present name, after however many renamings, or why there is none.
    pub(crate) fn refuse(&self, name: &str) -> Result<(), ResolveError> {
        let (mut last, mut steps) = (name, 0);
        // A circle of renamings ends after as many steps as there are names.
        while let Some(next) = self.renamed.get(last).filter(|_| steps < self.renamed.len()) {
            (last, steps) = (next, steps + 1);
        }
        let name = name.to_owned();
        match self.removed.get(last) {
            Some(why) => Err(ResolveError::Removed { name, why: why.clone() }),
            None if steps > 0 => Err(ResolveError::Renamed { name, successor: last.to_owned() }),
            None => Ok(()),
        }
    }
}
