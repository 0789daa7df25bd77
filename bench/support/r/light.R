# Answers at once, and as plumber does by itself: JSON.

#* @get /
function() {
  list(version = Sys.getenv("VERSION"))
}
