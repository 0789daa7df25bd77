#* @apiTitle Loans
#* @apiDescription What a loan costs.

#* Tells who answered
#* @filter worker
function(res) {
  res$setHeader("X-Worker", Sys.info()[["nodename"]])
  plumber::forward()
}

#* The monthly payment of a loan, and all that is paid in the end
#* @param amount:dbl
#* @param rate:dbl Per cent a year
#* @param years:int
#* @serializer unboxedJSON list(digits = 2)
#* @get /payment
function(amount, rate, years) {
  monthly <- as.numeric(rate) / 1200
  payments <- 12 * as.integer(years)
  payment <- if (monthly == 0) as.numeric(amount) / payments else as.numeric(amount) * monthly / (1 - (1 + monthly)^-payments)
  list(payment = round(payment, 2), total = round(payment * payments, 2))
}
