#* @apiTitle Work
#* @apiDescription Computes for a moment, as a model does.

#* @serializer unboxedJSON
#* @get /work
function() {
  until <- proc.time()[["elapsed"]] + 0.05
  while (proc.time()[["elapsed"]] < until) sum(stats::rnorm(1000))
  list(worker = Sys.info()[["nodename"]])
}
