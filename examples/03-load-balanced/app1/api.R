#* @apiTitle Simulation
#* @apiDescription Estimates pi by throwing points at a square: work that keeps one R process busy.

#* How many of the points fall into the circle
#* @param points:int
#* @serializer unboxedJSON list(digits = 6)
#* @get /pi
function(points = 100000) {
  points <- min(as.integer(points), 1e7)
  inside <- mean(runif(points)^2 + runif(points)^2 < 1)
  list(pi = 4 * inside, worker = Sys.info()[["nodename"]])
}
