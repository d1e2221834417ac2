pub(crate) fn run() -> Result<(), crate::Failure> {
    Ok(())
}
