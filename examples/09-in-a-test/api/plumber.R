#* @apiTitle Interest

#* What a sum has become after so many years
#* @param years:int
#* @serializer unboxedJSON
#* @get /interest/<years>
function(years) {
  list(sum = round(100 * 1.02 ^ as.integer(years), 2))
}
