pub(crate) fn run(_: &[String]) -> Result<(), crate::Failure> {
    Ok(())
}
