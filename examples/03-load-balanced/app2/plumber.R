#* @apiTitle Factors
#* @apiDescription Takes whole numbers apart.

#* The prime factors of a number
#* @param number:int
#* @serializer unboxedJSON
#* @get /factors
function(number) {
  rest <- as.integer(number)
  factors <- integer()
  divisor <- 2L
  while (divisor * divisor <= rest) {
    while (rest %% divisor == 0L) {
      factors <- c(factors, divisor)
      rest <- rest %/% divisor
    }
    divisor <- divisor + 1L
  }
  list(factors = I(c(factors, if (rest > 1L) rest)), worker = Sys.info()[["nodename"]])
}
