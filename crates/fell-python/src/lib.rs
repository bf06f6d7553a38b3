//! The Python package `fell`: thin, over the engine.
//!
//! What Python sees of it is in `python/fell`; this module, `fell._fell`, is private to that. It returns the engine's
//! documents as JSON, lets go of the interpreter while it waits, and looks for signals at least every 50 ms.

mod arguments;
mod command;
mod errors;
mod kill;
mod log;
mod look;
mod run;
mod wait;
mod zombies;

use pyo3::prelude::*;

/// The engine behind the package `fell`.
#[pymodule]
fn _fell(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(command::main, module)?)?;
    module.add_function(wrap_pyfunction!(kill::kill_tree, module)?)?;
    module.add_function(wrap_pyfunction!(look::tree_info, module)?)?;
    module.add_function(wrap_pyfunction!(look::tree, module)?)?;
    module.add_function(wrap_pyfunction!(look::doctor, module)?)?;
    module.add_function(wrap_pyfunction!(zombies::zombie_pids, module)?)?;
    module.add_function(wrap_pyfunction!(zombies::zombies, module)?)?;
    module.add_function(wrap_pyfunction!(zombies::reap, module)?)?;
    module.add_function(wrap_pyfunction!(zombies::nudge, module)?)?;
    module.add_function(wrap_pyfunction!(zombies::inject, module)?)?;
    module.add("RunOver", module.py().get_type::<run::RunOver>())?;
    module.add_class::<run::Run>()
}
