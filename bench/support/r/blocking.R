# Computes for as long as it is asked to: nothing else of this worker is answered meanwhile. Tells its name, and for how
# long it has listened.

since <- Sys.time()
# The first turn of R's event loop comes when plumber listens.
later::later(function() since <<- Sys.time())

#* @get /
#* @serializer text
function(ms = "0") {
  end <- Sys.time() + as.numeric(ms) / 1000
  while (Sys.time() < end) {}
  paste(Sys.info()[["nodename"]], round(1000 * as.numeric(Sys.time() - since, units = "secs")))
}
