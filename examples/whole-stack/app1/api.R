#* @apiTitle Sales
#* @apiDescription Sales of a café, from the file that is mounted at /data.

sales <- read.csv("/data/data.csv", colClasses = c(month = "character"))

#* Tells who answered: each worker is a container of its own
#* @filter worker
function(res) {
  res$setHeader("X-Worker", Sys.info()[["nodename"]])
  plumber::forward()
}

#* What is sold, and how much of it in the year
#* @get /products
function() {
  aggregate(sold ~ product, sales, sum)
}

#* Sales of the coming months, by the trend of the past ones
#* @param product:str
#* @param months:int
#* @serializer unboxedJSON
#* @get /forecast/<product>
function(product, res, months = 3) {
  past <- sales$sold[sales$product == product]
  if (length(past) == 0) {
    res$status <- 404
    return(list(error = paste("There is no", product, "on the menu")))
  }
  trend <- lm(sold ~ month, data.frame(month = seq_along(past), sold = past))
  coming <- data.frame(month = length(past) + seq_len(as.integer(months)))
  list(product = product, forecast = I(unname(round(predict(trend, coming)))))
}

#* A chart of the year
#* @serializer png list(width = 800, height = 400)
#* @get /chart
function() {
  byMonth <- xtabs(sold ~ product + month, sales)
  key <- list(x = "top", horiz = TRUE, bty = "n")
  barplot(byMonth, beside = TRUE, ylim = c(0, max(byMonth) * 1.2), legend.text = TRUE, args.legend = key, main = "Sold")
}
