//! The Python packages that tests hold our output against, and the ClickHouse engine, which comes as one: a virtual environment in the tools directory.
//!
//! It is made once. A stamp in it keeps the list of packages it was made for; another list makes it anew.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{Workspace, apt, process};

/// The packages, with their versions.
const REQUIREMENTS: &str = "tests/tools/requirements.txt";
/// Finds every package that is used by itself. `import chdb` would start an engine.
const IMPORTS: &str =
    "import lxml, sepaxml, achkit, beancount.loader, importlib.util as u; assert u.find_spec('chdb')";
/// Debian's names of what makes virtual environments.
const APT_PACKAGES: [&str; 2] = ["python3", "python3-venv"];

/// The environment's interpreter, with every required package.
pub(crate) fn ready(workspace: &Workspace) -> Result<PathBuf> {
    let requirements_file = workspace.root.join(REQUIREMENTS);
    let requirements = std::fs::read_to_string(&requirements_file)
        .with_context(|| format!("cannot read {}", requirements_file.display()))?;
    let environment = workspace.tools.join("python");
    let interpreter = environment.join("bin/python");
    let stamp = environment.join("requirements.stamp");

    let made_for = std::fs::read_to_string(&stamp).unwrap_or_default();
    // The interpreter is a link to the system's, which may have gone since.
    let works = || process::succeeds(&mut process::command(&workspace.root, &interpreter, &["-c", IMPORTS]));
    if made_for == requirements && works() {
        return Ok(interpreter);
    }

    let system = system_python(&workspace.root)?;
    std::fs::create_dir_all(&workspace.tools)
        .with_context(|| format!("cannot create {}", workspace.tools.display()))?;
    println!("making the Python environment {}", environment.display());
    process::run(process::command(&workspace.root, &system, &["-m", "venv", "--clear"]).arg(&environment))?;
    // The list is complete, and chdb-core's own would bring much that an engine does not need.
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--no-deps",
        "--disable-pip-version-check",
        "--requirement",
    ];
    process::run(process::command(&workspace.root, &interpreter, &pip).arg(&requirements_file))
        .with_context(|| format!("cannot install the packages of {REQUIREMENTS}; is the network there?"))?;
    // Last, so that an environment that was not finished is made anew.
    std::fs::write(&stamp, requirements).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(interpreter)
}

/// A Python that can make environments; where there is none, Debian's is installed if we may.
fn system_python(root: &Path) -> Result<PathBuf> {
    if let Some(python) = find_python(root) {
        return Ok(python);
    }
    apt::install(root, &APT_PACKAGES)?;
    find_python(root).with_context(|| {
        format!("{} are installed, but no python3 can make environments", APT_PACKAGES.join(" "))
    })
}

fn find_python(root: &Path) -> Option<PathBuf> {
    // Without ensurepip Debian's python3 makes environments that have no pip.
    let can_make = ["-c", "import venv, ensurepip"];
    let candidates = ["python3", "/usr/bin/python3"].map(PathBuf::from);
    candidates.into_iter().find(|python| process::succeeds(&mut process::command(root, python, &can_make)))
}
